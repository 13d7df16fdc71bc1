import { assert } from '../../src/base/assert.js'
import type { Instance, NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import { pick } from './pick.js'
import { NO_FAULTS, type PlanOverrides, type RunPlan } from './plan.js'
import { type SeedResult, seedResult } from './run-seed.js'
import type { SimNode } from './sim-node.js'
import { World } from './world.js'

/** How long a node may take until it stands with the others again, and by how much it may be behind then. */
const MAX_MS = 4000
const NEAR = 20
/** How long the others may take to trim what the absent node would need. */
const AWAY_MS = 60_000
const CHECK_MS = 5
const TIMEOUT_MS = 60_000

export function planRejoin(seed: number, overrides: PlanOverrides): RunPlan {
  const random = new Random(seed * 7919 + 17)
  return {
    seed,
    nodes: overrides.nodes ?? 3,
    groups: 1,
    steps: 0,
    callers: pick(random, 1, 4),
    thinkMs: pick(random, 1, 5),
    readShare: 0,
    retryShare: 0,
    duellists: 0,
    inOrder: true,
    tuning: {
      ...DEFAULT_TUNING,
      fetchBytesPerSecond: pick(random, 20_000, 1e9),
      fetchWindow: pick(random, 1, 2, 4),
      sessionInstances: pick(random, 10, 1_000_000),
    },
    state: {
      isStored: random.chance(0.5),
      saveEvery: pick(random, 1, 5, 20),
      checkpointEvery: pick(random, 10, 50),
      keep: pick(random, 1, 2),
      hold: pick(random, 0, 5),
      mostHeld: 1000,
      takeMs: pick(random, 5, 50),
      loadMs: pick(random, 50, 300),
      blocks: pick(random, 2, 8, 20),
      paysFrom: pick(random, 3, 30, Number.POSITIVE_INFINITY),
    },
    faults: NO_FAULTS,
  }
}

/**
 * A node is away until nobody has the log any more that it would need, or it loses its state and the checkpoints with it.
 * It comes back while the load goes on, or when all is idle, and then perhaps the others have just lost their checkpoints.
 * It must find its way back by itself, soon.
 */
class Rejoin {
  readonly world: World
  private readonly how: 'too far behind' | 'without its state'
  private readonly when: 'under load' | 'idle' | 'idle, others without checkpoints'
  private loaded = true

  constructor(plan: RunPlan) {
    const random = new Random(plan.seed)
    this.world = new World(plan)
    this.how = pick(random, 'too far behind', 'without its state')
    this.when = pick(random, 'under load', 'idle', 'idle, others without checkpoints')
  }

  run(): void {
    const { world } = this
    const { random, plan, nodeIds } = world
    for (const nodeId of nodeIds) world.raise(nodeId)
    for (const nodeId of nodeIds) {
      for (let i = 0; i < plan.callers; i++) world.queue.after(random.between(0, 50), () => this.call(nodeId))
    }
    this.advance(random.between(500, 3000))
    const absent = world.node(nodeIds[random.below(nodeIds.length)] as NodeId)
    const others = nodeIds.map((nodeId) => world.node(nodeId)).filter((node) => node !== absent)
    if (this.how === 'too far behind') this.stayAway(absent, others)
    else this.loseState(absent, others)
    if (this.when === 'idle, others without checkpoints') {
      for (const node of others) for (const checkpoint of node.disk(0).checkpoints) checkpoint.isSound = false
    }
    const what = `${this.how}, ${this.when}`
    world.note(0, 0, `node ${absent.nodeId} comes back ${what}`)
    world.raise(absent.nodeId)
    this.until(MAX_MS, `node ${absent.nodeId} does not find back ${what}`, () => this.stands(absent, others))
    this.fallSilent()
    world.checkStates()
  }

  private stayAway(absent: SimNode, others: readonly SimNode[]): void {
    absent.crash(Number.POSITIVE_INFINITY)
    const lacks = absent.disk(0).log.head.chosenUpTo + 1
    this.until(AWAY_MS, `the others do not trim ${lacks}`, () =>
      others.every(({ groups }) => firstKept(groups) > lacks),
    )
    if (this.when !== 'under load') this.fallSilent()
  }

  private loseState(absent: SimNode, others: readonly SimNode[]): void {
    this.until(AWAY_MS, `node ${absent.nodeId} trims nothing`, () => firstKept(absent.groups) > 1)
    if (this.when !== 'under load') this.fallSilent()
    absent.crash(Number.POSITIVE_INFINITY)
    // On their disks, too, all has to be known chosen that was trimmed here: with the next commits it is.
    for (const node of others) this.world.workload.submit(node, 0, 'run', TIMEOUT_MS, () => undefined)
    this.until(AWAY_MS, 'nobody else has what it has trimmed', () => absent.keeper.harm(0, true, true))
  }

  /** With the others: what they executed, or nearly. */
  private stands(absent: SimNode, others: readonly SimNode[]): boolean {
    const most = Math.max(...others.map(executedUpTo))
    return executedUpTo(absent) >= (this.loaded ? most - NEAR : most)
  }

  private fallSilent(): void {
    this.loaded = false
    this.advance(3000)
  }

  /** One caller: a command, some time to think, the next. */
  private call(nodeId: NodeId): void {
    const { world } = this
    const node = world.node(nodeId)
    if (!this.loaded) return
    const again = (ms: number) => world.queue.after(ms, () => this.call(nodeId))
    if (!node.serves || node.isRetrying(0)) {
      again(100)
      return
    }
    world.workload.submit(node, 0, 'run', TIMEOUT_MS, () => again(world.random.between(0, 2 * world.plan.thinkMs)))
  }

  private until(ms: number, otherwise: string, condition: () => boolean): void {
    const { queue } = this.world
    const end = queue.now + ms
    while (!condition()) {
      assert(queue.now < end, `rule 11: in ${ms} ms ${otherwise}`)
      this.advance(CHECK_MS)
    }
  }

  private advance(ms: number): void {
    const { queue } = this.world
    const end = queue.now + ms
    while (queue.now < end) queue.next()
  }
}

function firstKept([group]: SimNode['groups']): Instance {
  return group?.group.firstKept ?? 0
}

function executedUpTo({ groups }: SimNode): Instance {
  return groups[0]?.group.executedUpTo ?? 0
}

/** `npm run sim -- --rejoin --seed 7`. */
export function runRejoin(seed: number, overrides: PlanOverrides): SeedResult {
  const rejoin = new Rejoin(planRejoin(seed, overrides))
  return seedResult(seed, rejoin.world, () => rejoin.run())
}
