/**
 * The states seen so far, by a 53-bit hash of their words: 10^7 states collide once in some hundred searches, and a
 * collision hides a state, it never invents a violation. For each: how it was first reached.
 */
export class SeenStates {
  count = 0
  private mask = (1 << 20) - 1
  private keys = new Float64Array(1 << 20)
  private parents = new Int32Array(1 << 20)
  private actions = new Float64Array(1 << 20)

  /** The index of a new state, -1 if it was seen before. */
  add(words: readonly number[], parent: number, action: number): number {
    const key = hash(words)
    let at = key & this.mask
    while (this.keys[at] !== 0) {
      if (this.keys[at] === key) return -1
      at = (at + 1) & this.mask
    }
    const index = this.count++
    if (index >= this.parents.length) this.growPaths()
    this.parents[index] = parent
    this.actions[index] = action
    this.keys[at] = key
    if (this.count * 2 > this.keys.length) this.growTable()
    return index
  }

  /** The actions from the first state to this one. */
  pathTo(index: number): number[] {
    const path: number[] = []
    for (let at = index; at > 0; at = this.parents[at] as number) path.push(this.actions[at] as number)
    return path.reverse()
  }

  private growPaths(): void {
    const parents = new Int32Array(this.parents.length * 2)
    const actions = new Float64Array(this.parents.length * 2)
    parents.set(this.parents)
    actions.set(this.actions)
    this.parents = parents
    this.actions = actions
  }

  private growTable(): void {
    const { keys } = this
    this.mask = keys.length * 2 - 1
    this.keys = new Float64Array(keys.length * 2)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number
      if (key === 0) continue
      let at = key & this.mask
      while (this.keys[at] !== 0) at = (at + 1) & this.mask
      this.keys[at] = key
    }
  }
}

/** cyrb53 over 32-bit words; never 0, which marks an empty slot. */
function hash(words: readonly number[]): number {
  let a = 0xdeadbeef ^ words.length
  let b = 0x41c6ce57 ^ words.length
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number
    a = Math.imul(a ^ word, 2654435761)
    b = Math.imul(b ^ word, 1597334677)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return 4294967296 * (2097151 & b) + (a >>> 0) || 1
}
