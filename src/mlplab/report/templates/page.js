// The values of a curve under the pointer, or by the arrow keys.
for (const figure of document.querySelectorAll("figure[data-points]")) {
  const { names, points } = JSON.parse(figure.dataset.points);
  const svg = figure.querySelector("svg");
  const said = figure.appendChild(document.createElement("output"));
  const line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "line"));
  const height = svg.viewBox.baseVal.height;
  const hint = "Point at the curves, or use the arrow keys, to read their values.";
  let at = points.length - 1;
  line.setAttribute("style", "stroke: var(--quiet); stroke-width: 0.8; visibility: hidden");
  line.setAttribute("y1", 0);
  line.setAttribute("y2", height);
  svg.setAttribute("tabindex", 0);
  said.textContent = hint;

  const show = (place) => {
    at = Math.max(0, Math.min(points.length - 1, place));
    const [x, epoch, ...values] = points[at];
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.style.visibility = "visible";
    said.textContent = `epoch ${epoch}: ` + values.map((value, n) => `${names[n]} ${value}`).join(", ");
  };
  svg.addEventListener("pointermove", (event) => {
    const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).x;
    let nearest = 0;
    points.forEach((point, n) => {
      if (Math.abs(point[0] - x) < Math.abs(points[nearest][0] - x)) nearest = n;
    });
    show(nearest);
  });
  svg.addEventListener("pointerleave", () => {
    line.style.visibility = "hidden";
    said.textContent = hint;
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(at + step);
  });
}
