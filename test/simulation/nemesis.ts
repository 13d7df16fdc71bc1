import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import { downMs } from './faults.js'
import type { World } from './world.js'

/** Crashes, partitions, lost disks and slow nodes at random times, until told to stop; or those of an earlier run again. */
export class Nemesis {
  private readonly world: World
  private stopped = false

  constructor(world: World) {
    this.world = world
  }

  start(): void {
    const { queue, schedule, plan } = this.world
    const { timed } = schedule
    if (timed) {
      for (const { site, what, args } of timed) {
        queue.after(Number(site.slice(3)) - queue.now, () => this.strike(what, args))
      }
      return
    }
    const { random } = schedule
    const { faults } = plan
    this.often(faults.crashesPerSecond, () => {
      // Now and then all at once: what was acknowledged is on the disks of a majority.
      if (random.chance(0.05))
        this.strike(
          'crash of all',
          this.world.nodeIds.map(() => downMs(random)),
        )
      else this.strike('crash', [this.someNode(), downMs(random)])
    })
    this.often(faults.partitionsPerSecond, () => this.strike('partition', this.drawPartition()))
    this.often(faults.linkBreaksPerSecond, () => {
      const [a, b] = [this.someNode(), this.someNode()]
      if (a !== b) this.strike('link breaks', [a, b])
    })
    this.often(faults.slowNodesPerSecond, () => this.strike('slow node', [this.someNode(), random.between(100, 3000)]))
    this.often(faults.disksLostPerSecond, () => this.strike('disk lost', [this.someNode(), downMs(random)]))
  }

  /**
   * With the last fault: disks lose states and checkpoints just before all falls silent, when no load will make new
   * ones. What the cluster comes back with, it has to make by itself.
   */
  lastBlow(): void {
    const { schedule, nodeIds, plan } = this.world
    if (plan.faults.stateDamaged === 0) return
    const args = schedule.once('the last blow', 'states lost', (random) =>
      nodeIds.flatMap((nodeId) =>
        random.chance(0.7) ? [nodeId, random.below(plan.groups), random.below(4), downMs(random)] : [],
      ),
    )
    for (let i = 0; args && i < args.length; i += 4) {
      const [nodeId, group, how, ms] = args.slice(i) as [number, number, number, number]
      this.loseState(nodeId, group, how, ms)
    }
  }

  stop(): void {
    this.stopped = true
  }

  private often(perSecond: number, action: () => void): void {
    if (perSecond === 0) return
    const { queue, schedule } = this.world
    queue.after((-Math.log(1 - schedule.random.between(0, 1)) * 1000) / perSecond, () => {
      if (this.stopped) return
      action()
      this.often(perSecond, action)
    })
  }

  private strike(what: string, args: readonly number[]): void {
    const { world } = this
    if (this.stopped) return
    world.schedule.note(world.queue.now, what, args)
    const [first, second] = args as [number, number]
    switch (what) {
      case 'crash':
        world.coverage.hitNode('crash at random')
        return world.node(first).crash(second)
      case 'crash of all':
        world.coverage.hitNode('crash of all')
        for (const [index, nodeId] of world.nodeIds.entries()) world.node(nodeId).crash(args[index] as number)
        return
      case 'partition':
        world.coverage.hitNode('partition')
        return this.partition(first, args.slice(1))
      case 'link breaks':
        world.coverage.hitNode('link breaks')
        return world.network.breakLink(first, second)
      case 'slow node':
        world.coverage.hitNode('slow node')
        return world.network.slowDown(first, second)
      case 'disk lost':
        return this.loseDisk(first, second)
      default:
        throw new Error(`no fault is called ${what}`)
    }
  }

  /** A duration, and the directions that carry nothing, `from * 10 + to` each. */
  private drawPartition(): number[] {
    const { schedule, nodeIds } = this.world
    const { random } = schedule
    const shape = random.below(4)
    const one = this.someNode()
    const args = [random.chance(0.7) ? random.between(20, 2500) : 60_000]
    for (const a of nodeIds) {
      for (const b of nodeIds) {
        if (a === b) continue
        const isCut =
          shape === 0
            ? (a === one) !== (b === one)
            : shape === 1
              ? a === one
              : shape === 2
                ? a % 2 !== b % 2
                : random.chance(0.3)
        if (isCut) args.push(a * 10 + b)
      }
    }
    return args
  }

  /** Takes the place of the one before. */
  private partition(ms: number, directions: readonly number[]): void {
    const { network } = this.world
    network.mendCuts()
    for (const direction of directions) network.cut(Math.floor(direction / 10), direction % 10, ms)
  }

  /** Only of a minority: with the disks of a majority gone, what they held may be gone, and nobody can lead any more. */
  private loseDisk(nodeId: NodeId, ms: number): void {
    const { world } = this
    const node = world.node(nodeId)
    const lost = world.nodeIds.filter((other) => !world.node(other).isVoter).length
    if (node.isVoter && lost + 1 > (world.nodeIds.length - 1) / 2) return
    for (let group = 0; group < world.plan.groups; group++) if (!world.survives(group, nodeId, 0, true)) return
    world.coverage.hitNode('disk lost')
    node.crash(ms)
    node.loseDisk()
  }

  /** Of what the state of a group is kept in, and the process with it; `how`: also its checkpoints, nothing but these. */
  private loseState(nodeId: NodeId, group: GroupIndex, how: number, ms: number): void {
    const node = this.world.node(nodeId)
    const isHarmed = node.keeper.harm(group, how !== 3, how >= 2)
    if (isHarmed && how !== 3) node.crash(ms)
  }

  private someNode(): NodeId {
    const { schedule, nodeIds } = this.world
    return nodeIds[schedule.random.below(nodeIds.length)] as NodeId
  }
}
