// Code that is wider than the page can be scrolled by keyboard.
for (const code of document.querySelectorAll("div.highlight pre")) code.tabIndex = 0;
// So can tables.
for (const table of document.querySelectorAll(".table-wrapper")) table.tabIndex = 0;
// Captions of the side bar say that they are headings, and of which level.
for (const caption of document.querySelectorAll("p.caption[role=heading]")) caption.ariaLevel = "2";
// The parameters of a long signature stand in a list without terms: it is a plain one.
for (const list of document.querySelectorAll("dl:not(:has(> dt))")) {
  list.role = "list";
  for (const item of list.children) item.role = "listitem";
}
// Two parts beside the page are told apart.
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "All pages");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
