/**
 * The ring holds what its other side cannot have written. Its reader cannot go on: the group that owns the ring stops,
 * the process does not. Test for it by `code`.
 */
export class RingCorrupt extends Error {
  readonly code = 'RING_CORRUPT'
  readonly position: number

  constructor(what: string, position: number) {
    super(`ring corrupt at position ${position >>> 0}: ${what}`)
    this.name = 'RingCorrupt'
    this.position = position >>> 0
  }
}
