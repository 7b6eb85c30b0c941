// The panel of Twilio's faults: shows how often each strikes, and switches it as soon as its number is changed.
const panel = document.querySelector(".faults");
const form = panel.querySelector("form");

show(await (await fetch(panel.dataset.address)).json());

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", async ({ target }) => {
  if (!target.reportValidity()) return;
  const answer = await fetch(panel.dataset.address, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ [target.name]: target.valueAsNumber }),
  });
  show(await answer.json());
});

function show(percents) {
  for (const input of form.elements) input.value = percents[input.name];
  panel.classList.toggle("on", [...form.elements].some((input) => input.valueAsNumber > 0));
}
