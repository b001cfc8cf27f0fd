// A list that stays at its end while one is there, whatever grows in it.

const NEAR = 60; // pixels

export class ToEnd {
  constructor(list) {
    this.list = list;
    this.there = true;
    list.addEventListener("scroll", () => {
      this.there = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    });
    for (const event of ["load", "loadedmetadata"]) list.addEventListener(event, () => this.keep(), true);
    new ResizeObserver(() => this.keep()).observe(list);
  }

  /** Go to the end if that is where one was. */
  keep() {
    if (this.there) this.list.scrollTop = this.list.scrollHeight;
  }
}
