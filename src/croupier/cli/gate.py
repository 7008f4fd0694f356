"""``croupier gate``: what is asked of a release, what can be asked without writing it oneself, and why a gate says what
it says.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.complete import gate_names
from croupier.cli.declared import list_all, show_one
from croupier.cli.explain_gate import explain
from croupier.cli.output import Json, out, plain, print_json
from croupier.errors import NotFound

if TYPE_CHECKING:
    from croupier.core.gates.ready import Ready

app = typer.Typer(help="Gates: what is asked of a release.", no_args_is_help=True)


@app.command()
def catalog(
    name: Annotated[str | None, typer.Argument(help="Show all that this one stands for, as a Gate document.")] = None,
    as_json: Json = False,
) -> None:
    """List the ready-made gates, or write one out. A Gate names one by sli: {ready: NAME} and may write any field of
    it differently.
    """
    from croupier.core.gates.ready import BY_NAME, READY

    if name is not None and name not in BY_NAME:
        raise NotFound(f"There is no ready-made gate '{name}'.", hint=f"There are: {', '.join(BY_NAME)}.")
    shown = READY if name is None else (BY_NAME[name],)
    if as_json:
        print_json([as_object(each) for each in shown])
    elif name is None:
        _list(shown)
    else:
        _write_out(shown[0])


app.command()(explain)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every gate that was applied, and what it asks."""
    list_all(context.obj, "Gate", as_json)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The gate.", autocompletion=gate_names)],
    as_json: Json = False,
) -> None:
    """One gate as it was applied, and who uses it."""
    show_one(context.obj, "Gate", name, as_json)


def as_object(ready: "Ready") -> dict[str, Any]:
    """A ready-made gate for programs; ``document`` is what it stands for."""
    from croupier.adapters.manifests.ready import spelled_out
    from croupier.core.rollout.explain import describe_gate

    gate = ready.gate
    return {
        "name": ready.name,
        "protects": gate.description,
        "asks": describe_gate(gate),
        "counts": ready.meaning,
        "countedBy": ready.counted_by,
        "advisory": gate.advisory,
        "document": spelled_out(gate),
    }


def _list(shown: "tuple[Ready, ...]") -> None:
    for each in shown:
        kind = " [dim](advisory)[/]" if each.gate.advisory else ""
        out.print(f"[bold]{each.name}[/]{kind}  {each.gate.sli.metric} [dim]({each.counted_by})[/]")
        out.print(f"    {plain(each.gate.description)}")
    out.print("\nUse one: sli: {ready: NAME}. All of it: croupier gate catalog NAME")


def _write_out(ready: "Ready") -> None:
    from croupier.adapters.manifests.ready import as_text, spelled_out

    typer.echo(f"# {ready.meaning}; counted by {ready.counted_by}")
    typer.echo(as_text(spelled_out(ready.gate)), nl=False)
