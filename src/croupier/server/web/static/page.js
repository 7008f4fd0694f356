// Makes the page live: local times, updates when the journal grows (else every second or two), questions in a dialog.
// Everything here is comfort; without it the page is the same page with links and forms.
(() => {
  "use strict";
  const live = () => document.getElementById("live");
  const gap_ms = 250;

  // --- times: local for the eye, UTC in the title
  const short = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});
  const day = new Intl.DateTimeFormat(undefined, {dateStyle: "medium"});
  const full = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium", hourCycle: "h23"});
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const said = ("full" in time.dataset ? full : "day" in time.dataset ? day : short).format(new Date(time.dateTime));
      if (time.textContent !== said) time.textContent = said;
    }
  };
  localise(document);
  if (!window.htmx || !window.Idiomorph) return;

  // --- what people opened or typed stays as they left it; a chart that is drawn is not drawn over
  Object.assign(window.Idiomorph.defaults.callbacks, {
    beforeNodeMorphed: (old, fresh) => {
      if (!(old instanceof Element)) return true;
      if (old.matches(".plot, .drawing, .kept")) return false;
      if (old.tagName === "TIME" && fresh.dateTime === old.dateTime) return false;
      return true;
    },
    beforeNodeRemoved: (old) => !(old instanceof Element && old.matches(".drawing")),
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
  });

  // --- updates: one at a time, soon after a change, and now and then in any case
  let asked_at = 0, waiting = 0;
  const refresh = () => {
    waiting = 0;
    if (document.hidden || !live()) return;
    asked_at = Date.now();
    window.htmx.trigger(live(), "refresh");
  };
  const soon = () => {
    if (!waiting) waiting = window.setTimeout(refresh, Math.max(0, asked_at + Number(live()?.dataset.gap || gap_ms) - Date.now()));
  };
  const tick = () => {
    const every = Number(live()?.dataset.every || 5000);
    if (Date.now() - asked_at >= every) soon();
    window.setTimeout(tick, Math.min(every, 1000));
  };
  if (live()) window.setTimeout(tick, 1000);

  const say = (word, lost) => {
    const link = document.getElementById("link");
    if (!link || link.textContent === word) return;
    link.textContent = word;
    link.classList.toggle("lost", lost);
  };
  const body = document.body;
  body.addEventListener("htmx:sseBeforeMessage", (event) => { event.preventDefault(); soon(); });
  body.addEventListener("htmx:sendError", () => say("connection lost, trying again", true));
  body.addEventListener("htmx:timeout", () => say("connection lost, trying again", true));
  body.addEventListener("htmx:responseError", () => say("the server does not answer as usual, trying again", true));

  // A browser opens few connections to one server: a page that nobody looks at gives its stream back.
  const stream = document.getElementById("stream");
  const fresh_stream = stream?.cloneNode(true);
  document.addEventListener("visibilitychange", () => {
    const present = document.getElementById("stream");
    if (document.hidden) {
      if (present) window.htmx.remove(present);
    } else {
      if (!present && fresh_stream) window.htmx.process(body.appendChild(fresh_stream.cloneNode(true)));
      refresh();
    }
  });

  body.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target.id === "ask") {
      if (!target.open) target.showModal();
      target.querySelector("[autofocus]")?.focus();
      return;
    }
    localise(document);
    document.title = live()?.dataset.title || document.title;
    // A list that was searched has an address of its own, to keep and to hand on.
    const address = live()?.dataset.address;
    if (address && address !== location.pathname + location.search) history.replaceState(null, "", address);
    say("live", false);
    document.dispatchEvent(new Event("page:updated"));
  });

  // --- questions: the dialog's content is the page that a browser without scripts would show
  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog");
    if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.addEventListener("keydown", (event) => {
    // A link that says it is a button answers the space bar too.
    if (event.key === " " && event.target.matches("a[role=button]")) {
      event.preventDefault();
      event.target.click();
    }
  });
})();
