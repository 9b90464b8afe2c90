// Code that is wider than the page can be scrolled by keyboard.
for (const code of document.querySelectorAll("div.highlight pre")) code.tabIndex = 0;
