import type { NodeId } from '../../src/base/numbers.js'
import type { World } from './world.js'

/** Crashes, partitions and slow nodes at random times, until told to stop. */
export class Nemesis {
  private readonly world: World
  private stopped = false

  constructor(world: World) {
    this.world = world
  }

  start(): void {
    const { crashesPerSecond, partitionsPerSecond, slowNodesPerSecond } = this.world.faults
    this.often(crashesPerSecond, () => this.crash())
    this.often(partitionsPerSecond, () => this.partition())
    this.often(slowNodesPerSecond, () => this.slow())
    this.raise()
  }

  stop(): void {
    this.stopped = true
  }

  private often(perSecond: number, action: () => void): void {
    if (perSecond === 0) return
    const { queue, random } = this.world
    queue.after((-Math.log(1 - random.between(0, 1)) * 1000) / perSecond, () => {
      if (this.stopped) return
      action()
      this.often(perSecond, action)
    })
  }

  private crash(): void {
    const { random, nodeIds } = this.world
    // Now and then all at once: what was acknowledged is on the disks of a majority.
    if (random.chance(0.05)) for (const node of nodeIds) this.world.node(node).crash()
    else this.someNode().crash()
  }

  /** Whoever is down, by whatever crash, comes back after a while. */
  private raise(): void {
    const { random, queue, nodeIds } = this.world
    queue.after(random.between(10, 600), () => {
      for (const node of nodeIds) if (random.chance(0.4)) this.world.raise(node)
      if (!this.stopped) this.raise()
    })
  }

  private partition(): void {
    const { random, network, nodeIds, queue } = this.world
    network.mendAll()
    const kind = random.below(4)
    const one = this.someNode().nodeId
    for (const a of nodeIds) {
      for (const b of nodeIds) {
        if (a === b) continue
        const cut =
          kind === 0
            ? (a === one) !== (b === one)
            : kind === 1
              ? a === one
              : kind === 2
                ? a % 2 !== b % 2
                : random.chance(0.3)
        if (cut) this.world.network.block(a, b)
      }
    }
    if (random.chance(0.7)) queue.after(random.between(20, 2500), () => network.mendAll())
  }

  private slow(): void {
    const node = this.someNode().nodeId
    this.world.network.slowDown(node)
    this.world.queue.after(this.world.random.between(100, 3000), () => this.world.network.mendAll())
  }

  private someNode() {
    const { random, nodeIds } = this.world
    return this.world.node(nodeIds[random.below(nodeIds.length)] as NodeId)
  }
}
