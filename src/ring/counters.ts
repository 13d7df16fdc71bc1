/**
 * Numbers that one thread writes and others read without a message: plain 8-byte cells. An aligned 8-byte store is not
 * torn on the 64-bit machines that Node 20 runs on; a reader may see it late and must not conclude anything from the
 * order of two counters. Exact up to 2^53.
 */
export function allocateCounters(names: readonly string[]): SharedArrayBuffer {
  if (new Set(names).size !== names.length) throw new Error('two counters have the same name')
  // A line of padding on each side: the cells' writer writes all the time.
  return new SharedArrayBuffer(128 + Math.ceil((names.length * 8) / 128) * 128)
}

export class Counters<Name extends string = string> {
  readonly names: readonly Name[]
  /** Cell numbers by name: look them up once, outside the loop. */
  readonly cell: Readonly<Record<Name, number>>
  private readonly cells: Float64Array

  constructor(memory: SharedArrayBuffer, names: readonly Name[]) {
    this.cells = new Float64Array(memory, 128, names.length)
    this.names = names
    this.cell = Object.fromEntries(names.map((name, i) => [name, i])) as Record<Name, number>
  }

  /** The writing thread only: it is a plain read and a plain write. */
  add(cell: number, amount = 1): void {
    this.cells[cell] = (this.cells[cell] as number) + amount
  }

  /** The writing thread only. */
  set(cell: number, value: number): void {
    this.cells[cell] = value
  }

  read(cell: number): number {
    return this.cells[cell] as number
  }

  readAll(): Record<Name, number> {
    return Object.fromEntries(this.names.map((name, i) => [name, this.cells[i] as number])) as Record<Name, number>
  }
}
