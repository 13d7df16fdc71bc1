/** Virtual time: what happens next, in order of time and, at one time, in the order in which it was asked for. */
export class EventQueue {
  now = 0
  private readonly times: number[] = []
  private readonly orders: number[] = []
  private readonly actions: (() => void)[] = []
  private order = 0

  get length(): number {
    return this.times.length
  }

  after(delayMs: number, action: () => void): void {
    this.push(this.now + Math.max(0, delayMs), this.order++, action)
  }

  /** Runs the next event; false if there is none. */
  next(): boolean {
    const action = this.actions[0]
    if (action === undefined) return false
    this.now = this.times[0] as number
    const time = this.times.pop() as number
    const order = this.orders.pop() as number
    const last = this.actions.pop() as () => void
    if (this.times.length > 0) this.sink(time, order, last)
    action()
    return true
  }

  private push(time: number, order: number, action: () => void): void {
    let at = this.times.length
    this.times.push(time)
    this.orders.push(order)
    this.actions.push(action)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.before(time, order, parent)) break
      this.move(parent, at)
      at = parent
    }
    this.put(at, time, order, action)
  }

  private sink(time: number, order: number, action: () => void): void {
    const length = this.times.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && this.before(this.times[child + 1] as number, this.orders[child + 1] as number, child)) {
        child++
      }
      if (this.before(time, order, child)) break
      this.move(child, at)
      at = child
    }
    this.put(at, time, order, action)
  }

  private before(time: number, order: number, at: number): boolean {
    const other = this.times[at] as number
    return time < other || (time === other && order < (this.orders[at] as number))
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from] as number
    this.orders[to] = this.orders[from] as number
    this.actions[to] = this.actions[from] as () => void
  }

  private put(at: number, time: number, order: number, action: () => void): void {
    this.times[at] = time
    this.orders[at] = order
    this.actions[at] = action
  }
}
