"""Expr (github.com/expr-lang/expr), the language of Argo Rollouts' conditions: as much of it as asks about a result."""

from croupier.core.expr.condition import Condition, condition
from croupier.core.expr.errors import ExprError, Unanswerable

__all__ = ["Condition", "ExprError", "Unanswerable", "condition"]
