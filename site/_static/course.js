// One switch for all code of a page, kept for the next page.
document.addEventListener("DOMContentLoaded", () => {
  const heading = document.querySelector("article.bd-article h1");
  if (!heading || !document.querySelector(".cell_input")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "course-code-switch";
  const show = (hidden) => {
    document.documentElement.classList.toggle("course-without-code", hidden);
    button.textContent = hidden ? "Show all code" : "Hide all code";
    button.setAttribute("aria-pressed", String(hidden));
  };
  let stored = null;
  try {
    stored = localStorage.getItem("course-code");
  } catch {
    // a page from a folder may have no storage: the switch works for this page
  }
  show(stored === "hidden");
  button.addEventListener("click", () => {
    const hidden = !document.documentElement.classList.contains("course-without-code");
    show(hidden);
    try {
      localStorage.setItem("course-code", hidden ? "hidden" : "shown");
    } catch {
      // as above
    }
  });
  heading.after(button);
});

// Solutions are printed, and opened where a link leads into one.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
for (const event of ["DOMContentLoaded", "hashchange"]) {
  addEventListener(event, () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  });
}

// The theme's arrows that open a list of pages have no name.
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("summary")) {
    if (!summary.textContent.trim()) summary.setAttribute("aria-label", "Show the pages below");
  }
});
