Reveal.initialize({
  width: 1280,
  height: 720,
  margin: 0,
  center: false,
  hash: true,
  transition: "none",
  plugins: [RevealNotes],
});
// Where a picture leaves too little room, letters are set smaller, as far as the last row can still read them.
const fit = (slide) => {
  for (const formula of slide.querySelectorAll(".MathJax_Display")) {
    if (formula.scrollWidth > 1180) formula.style.zoom = 1180 / formula.scrollWidth;
  }
  for (let size = parseFloat(getComputedStyle(slide).fontSize); size > 18 && slide.scrollHeight > 720; ) {
    size -= 1;
    slide.style.fontSize = `${size}px`;
  }
};
Reveal.on("ready", (event) => MathJax.Hub.Queue(() => fit(event.currentSlide)));
Reveal.on("slidechanged", (event) => fit(event.currentSlide));
