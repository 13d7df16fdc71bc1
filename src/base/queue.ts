/**
 * A first-in first-out queue over a circular array: no allocation once it has grown to its working size. The fields are
 * plain ones, not `#private`, so that the explorer can copy and compare a whole group, its queues included.
 */
export class Queue<T> {
  private items: (T | undefined)[] = new Array<T | undefined>(16)
  private head = 0
  private count = 0

  get length(): number {
    return this.count
  }

  push(item: T): void {
    if (this.count === this.items.length) this.grow()
    this.items[(this.head + this.count) & (this.items.length - 1)] = item
    this.count++
  }

  /** Puts an item at the head: what a lost leader gives back is proposed first. */
  unshift(item: T): void {
    if (this.count === this.items.length) this.grow()
    this.head = (this.head - 1) & (this.items.length - 1)
    this.items[this.head] = item
    this.count++
  }

  peek(): T | undefined {
    return this.count === 0 ? undefined : this.items[this.head]
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head = (this.head + 1) & (this.items.length - 1)
    this.count--
    return item
  }

  /** The item `index` places behind the head. */
  at(index: number): T | undefined {
    return index < this.count ? this.items[(this.head + index) & (this.items.length - 1)] : undefined
  }

  clear(): void {
    this.items = new Array<T | undefined>(16)
    this.head = 0
    this.count = 0
  }

  private grow(): void {
    const grown = new Array<T | undefined>(this.items.length * 2)
    for (let i = 0; i < this.count; i++) grown[i] = this.at(i)
    this.items = grown
    this.head = 0
  }
}
