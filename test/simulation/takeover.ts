import { assert } from '../../src/base/assert.js'
import type { NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import { pick } from './pick.js'
import { NO_FAULTS, type PlanOverrides, type RunPlan } from './plan.js'
import { type SeedResult, seedResult } from './run-seed.js'
import type { SimNode } from './sim-node.js'
import { CALM_STATE } from './state-plan.js'
import { World } from './world.js'

/** How long a command may take on a node that runs, and how long once another node leads. */
const MAX_MS = 2000
const MAX_UNDER_NEW_LEADER_MS = 500
/** From the start, by when somebody has to lead. */
const BEGIN_MS = 5000
const CHECK_MS = 10
/** Longer than any run. */
const TIMEOUT_MS = 60_000

interface Waiting {
  readonly node: SimNode
  since: number
}

export function planTakeover(seed: number, overrides: PlanOverrides): RunPlan {
  const random = new Random(seed * 7919 + 17)
  return {
    seed,
    nodes: overrides.nodes ?? 3,
    groups: 1,
    steps: 0,
    callers: pick(random, 1, 2, 8),
    thinkMs: pick(random, 0.5, 5, 30, 150),
    readShare: 0,
    retryShare: 0,
    duellists: 0,
    inOrder: true,
    tuning: DEFAULT_TUNING,
    state: CALM_STATE,
    faults: NO_FAULTS,
  }
}

/**
 * A process that is stopped, and not gone: the links to it stay up, and nothing is heard of it. Nothing else goes wrong.
 * The others take over while their callers propose; then it goes on, and must find its way back.
 */
class Takeover {
  readonly world: World
  private readonly waiting = new Set<Waiting>()
  /** The node that is paused, and since when another leads. */
  private paused: SimNode | undefined
  private takenOverAt = Number.POSITIVE_INFINITY

  constructor(plan: RunPlan) {
    this.world = new World(plan)
  }

  run(): void {
    const { world } = this
    const { random, plan } = world
    for (const nodeId of world.nodeIds) world.raise(nodeId)
    for (const nodeId of world.nodeIds) {
      for (let i = 0; i < plan.callers; i++) world.queue.after(random.between(0, 50), () => this.call(nodeId))
    }
    this.advance(random.between(1000, 2000))
    while (!this.leader()) {
      assert(world.queue.now < BEGIN_MS, 'nobody leads, and nothing goes wrong')
      this.advance(CHECK_MS)
    }
    this.paused = this.leader()
    this.paused?.pause()
    this.watch(random.between(2500, 6000))
    assert(this.takenOverAt < Number.POSITIVE_INFINITY, 'nobody takes over from a leader that is paused')
    this.paused?.resume()
    this.paused = undefined
    this.takenOverAt = Number.POSITIVE_INFINITY
    this.restartClocks()
    this.watch(MAX_MS + 500)
    world.executions.checkAcknowledged()
  }

  /** One caller: a command, some time to think, the next. */
  private call(nodeId: NodeId): void {
    const { world } = this
    const node = world.node(nodeId)
    const operation = { node, since: world.queue.now }
    this.waiting.add(operation)
    world.workload.submit(node, 0, 'run', TIMEOUT_MS, (outcome) => {
      assert(outcome === 'executed', `a run at node ${nodeId} ends ${outcome} while a majority is up`)
      this.waiting.delete(operation)
      this.check(operation)
      world.queue.after(world.random.between(0, 2 * world.plan.thinkMs), () => this.call(nodeId))
    })
  }

  /** What a paused node owes its callers counts from when it goes on. */
  private restartClocks(): void {
    const since = this.world.queue.now
    for (const operation of this.waiting) operation.since = Math.max(operation.since, since)
  }

  private watch(durationMs: number): void {
    const end = this.world.queue.now + durationMs
    while (this.world.queue.now < end) {
      this.advance(CHECK_MS)
      if (this.paused && this.leader() && this.takenOverAt > this.world.queue.now) {
        this.takenOverAt = this.world.queue.now
        this.world.note(this.leader()?.nodeId ?? 0, 0, 'has taken over')
      }
      for (const operation of this.waiting) this.check(operation)
    }
  }

  private check({ node, since }: Waiting): void {
    if (node === this.paused) return
    const { now } = this.world.queue
    const waits = now - since
    assert(waits <= MAX_MS, `rule 11: a run at node ${node.nodeId} waits for ${waits.toFixed(0)} ms`)
    const underNew = now - Math.max(since, this.takenOverAt)
    assert(
      underNew <= MAX_UNDER_NEW_LEADER_MS,
      `rule 11: a run at node ${node.nodeId} waits for ${underNew.toFixed(0)} ms under a new leader`,
    )
  }

  /** Whoever leads, of those that run. */
  private leader(): SimNode | undefined {
    const { world, paused } = this
    return world.nodeIds
      .map((nodeId) => world.node(nodeId))
      .find((node) => node !== paused && node.groups[0]?.group.isLeading)
  }

  private advance(ms: number): void {
    const { queue } = this.world
    const end = queue.now + ms
    while (queue.now < end) queue.next()
  }
}

/** `npm run sim -- --takeover --seed 7`. */
export function runTakeover(seed: number, overrides: PlanOverrides): SeedResult {
  const takeover = new Takeover(planTakeover(seed, overrides))
  return seedResult(seed, takeover.world, () => takeover.run())
}
