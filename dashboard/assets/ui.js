// Language, theme and the width of the screen are the visitor's own: kept in cookies, read by the server for the next page.
(function () {
  "use strict";
  var YEAR = 31536000;
  function keep(name, value) {
    var secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = name + "=" + value + "; Path=/; SameSite=Lax; Max-Age=" + YEAR + secure;
  }
  var narrow = window.matchMedia("(max-width: 767px)");
  var seen = (document.cookie.match(/(?:^|; )screen=(\w+)/) || [])[1];
  keep("screen", narrow.matches ? "phone" : "desk");
  narrow.addEventListener("change", function () {
    keep("screen", narrow.matches ? "phone" : "desk");
    if (document.getElementById("react-entry-point")) location.reload();
  });
  // The first answer was made for a desk: on a phone ask once more, now that the cookie is there.
  if (!seen && narrow.matches && document.getElementById("react-entry-point")) location.reload();

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-set-lang], [data-set-theme], [data-print], [data-menu]");
    // The rest of the navigation opens at its button, and closes at whatever is pressed next.
    var nav = document.querySelector(".nav"), menu = document.querySelector("[data-menu]");
    if (nav && menu) {
      var open = button === menu && !nav.classList.contains("open");
      nav.classList.toggle("open", open);
      menu.setAttribute("aria-expanded", String(open));
    }
    if (!button) return;
    if (button.dataset.setLang) { keep("lang", button.dataset.setLang); location.reload(); }
    if (button.dataset.setTheme) {
      var root = document.documentElement;
      var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      keep("theme", root.dataset.theme);
    }
    if (button.dataset.print) window.print();
  });

  // A search stays in the address line, so that reload and Back bring it again.
  document.addEventListener("input", function (event) {
    if (!event.target.matches(".keeps-query input, input.keeps-query")) return;
    var url = new URL(location.href);
    if (event.target.value) url.searchParams.set("q", event.target.value); else url.searchParams.delete("q");
    url.searchParams.delete("page");
    history.replaceState(history.state, "", url);
  });

  function settle() {
    var title = document.querySelector("#page h1");
    if (title && document.title !== title.textContent + " · Điện kế") document.title = title.textContent + " · Điện kế";
    var links = document.querySelectorAll(".nav-link"), here = location.pathname;
    // A household has no list of meters: its meter belongs to the first page.
    if (here.indexOf("/meters/") === 0 && !document.querySelector(".nav-link[href='/meters']")) here = "/";
    if (here === "/runs" || here.indexOf("/runs/") === 0) here = "/bills"; // where the way to them begins
    links.forEach(function (link) {
      var own = link.getAttribute("href");
      var on = own === "/" ? here === "/" : here === own || here.indexOf(own + "/") === 0;
      if (on) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    });
  }
  if (document.getElementById("react-entry-point")) {
    new MutationObserver(settle).observe(document.body, { childList: true, subtree: true });
    window.addEventListener("popstate", settle);
  }
})();
// What is chosen or typed in a box that names a field of the address goes there; the same link opens it again.
document.addEventListener("change", function (event) {
  "use strict";
  var box = event.target.closest("[data-address]");
  if (!box) return;
  var url = new URL(location.href), value = event.target.value.trim();
  if ((url.searchParams.get(box.dataset.address) || "") === value) return;
  if (value) url.searchParams.set(box.dataset.address, value); else url.searchParams.delete(box.dataset.address);
  history.pushState({}, "", url);
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
});
// Two typed days (dd/MM/yyyy) become the range in the address.
(function () {
  "use strict";
  function iso(text) {
    var found = /^\s*(\d{1,2})[\/.\-](\d{1,2})[\/.\-](\d{4})\s*$/.exec(text);
    if (!found) return null;
    var day = new Date(Date.UTC(+found[3], +found[2] - 1, +found[1]));
    return day.getUTCDate() === +found[1] && day.getUTCMonth() === +found[2] - 1 ? day.toISOString().slice(0, 10) : null;
  }
  function go(event) {
    if (!event.target.matches || !event.target.matches(".range-form input")) return;
    if (event.type === "keydown" && event.key !== "Enter") return;
    var first = document.getElementById("range-from"), last = document.getElementById("range-to");
    [first, last].forEach(function (box) { box.setAttribute("aria-invalid", iso(box.value) ? "false" : "true"); });
    var from = iso(first.value), to = iso(last.value);
    if (!from || !to || from > to) return;
    var url = new URL(location.href);
    if (url.searchParams.get("from") === from && url.searchParams.get("to") === to) return;
    url.searchParams.set("from", from); url.searchParams.set("to", to);
    history.pushState({}, "", url);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }
  document.addEventListener("change", go);
  document.addEventListener("keydown", go);
})();
