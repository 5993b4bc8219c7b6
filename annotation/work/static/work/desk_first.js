/* Before the page is drawn: a wide window gets the editor, so the plain form is not shown first and then taken away. */
if (window.matchMedia("(min-width: 901px)").matches) document.documentElement.classList.add("has-desk");
