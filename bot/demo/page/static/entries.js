// What a person entered into inputs, by the place they stand in. It outlives every redrawing, as in Slack's client:
// an input that keeps its block and its action keeps its content.

const held = new Map();

function of(place) {
  if (!held.has(place)) held.set(place, {});
  return held.get(place);
}

export function entered(place, block, element) {
  return of(place)[block.block_id]?.[element.action_id];
}

export function enter(place, block, element, value) {
  const entries = of(place);
  entries[block.block_id] = { ...entries[block.block_id], [element.action_id]: value };
}

export function forget(place) {
  held.delete(place);
}

/** The elements of a block that a person can use. */
export function elementsOf(block) {
  const found = [block.accessory, block.element, ...(block.type === "actions" ? block.elements : [])];
  return found.filter((element) => element?.action_id);
}

/** Every option of a choice, those of its groups included. */
export function optionsOf(element) {
  return (element.option_groups ?? [element]).flatMap((group) => group.options ?? []);
}

/** What was entered into the inputs that are there now, in the form in which the server wants it. */
export function entries(place, blocks) {
  const found = {};
  for (const block of blocks) {
    for (const element of elementsOf(block)) {
      const value = entered(place, block, element);
      if (value === undefined || !offered(element, value)) continue;
      found[block.block_id] = { ...found[block.block_id], [element.action_id]: value };
    }
  }
  return found;
}

function offered(element, value) {
  const choices = ["static_select", "radio_buttons", "checkboxes"].includes(element.type);
  const values = optionsOf(element).map((option) => option.value);
  return !choices || value === null || [value].flat().every((one) => values.includes(one));
}
