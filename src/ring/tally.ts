/** One number of each worker, for all workers of the node to add up: its latest word, and nothing about any order. */
export function allocateTally(workers: number): SharedArrayBuffer {
  if (!(Number.isInteger(workers) && workers > 0)) throw new RangeError(`a tally of ${workers} workers: at least 1`)
  return new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT)
}

export class Tally {
  private readonly cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory)
  }

  set(worker: number, value: number): void {
    if (!(worker >= 0 && worker < this.cells.length)) throw new RangeError(`no worker ${worker} in the tally`)
    Atomics.store(this.cells, worker, value)
  }

  get total(): number {
    let sum = 0
    for (let i = 0; i < this.cells.length; i++) sum += Atomics.load(this.cells, i)
    return sum
  }
}
