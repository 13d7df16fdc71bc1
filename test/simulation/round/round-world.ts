import { assert } from '../../../src/base/assert.js'
import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import { Random } from '../../../src/base/random.js'
import { limitsFor } from '../../../src/codec/limits.js'
import type { Voter } from '../../../src/core/membership.js'
import { EventQueue } from '../event-queue.js'
import { DAMAGE_CODES, Damage } from './damage.js'
import { Executed } from './executed.js'
import { FrameNetwork } from './frame-network.js'
import { Nemesis } from './nemesis.js'
import { Observer } from './observer.js'
import { NO_FAULTS, type RoundFaults, type RoundPlan } from './plan.js'
import { SimProcess, voterIdOf } from './sim-process.js'
import { Workload } from './workload.js'

const TRACE_LINES = 3000
const MAX_RUN_MS = 300_000
/** Virtual time in which everything must have ended once nothing goes wrong any more: back-offs go up to a minute. */
const HEAL_MS = 150_000

/** A whole cluster of workers on one thread, from one seed. */
export class RoundWorld {
  readonly plan: RoundPlan
  readonly queue = new EventQueue()
  readonly random: Random
  readonly network: FrameNetwork
  readonly observer: Observer
  readonly executed: Executed
  readonly workload: Workload
  readonly damage: Damage
  readonly nodeIds: NodeId[] = []
  readonly voters: Voter[] = []
  readonly processes: SimProcess[] = []
  readonly limits
  readonly hits = new Map<string, number>()
  faults: RoundFaults
  rounds = 0
  crashes = 0
  violation: unknown
  private readonly nemesis: Nemesis
  private readonly lines: (() => string)[] = []
  private nextLine = 0

  constructor(plan: RoundPlan) {
    this.plan = plan
    this.faults = plan.faults
    this.limits = limitsFor(plan.limits.maxCommandBytes, plan.tuning)
    this.random = new Random(plan.seed)
    this.network = new FrameNetwork(this.queue, this.random, plan.faults)
    this.executed = new Executed(plan.groups)
    this.damage = new Damage(plan.nodes)
    this.workload = new Workload(this)
    this.observer = new Observer(
      plan.nodes,
      plan.groups,
      (core) => {
        for (const { worker } of this.processes) {
          const home = worker?.homeOf(core)
          if (home !== undefined) return home
        }
        return undefined
      },
      (error) => this.violated(error),
    )
    for (let nodeId = 1; nodeId <= plan.nodes; nodeId++) {
      this.nodeIds.push(nodeId)
      this.voters.push({ nodeId, voterId: voterIdOf(nodeId, 0) })
    }
    for (const nodeId of this.nodeIds) {
      const process = new SimProcess(nodeId, this)
      this.processes.push(process)
      this.network.add(nodeId, process)
    }
    this.nemesis = new Nemesis(this)
  }

  process(nodeId: NodeId): SimProcess {
    return this.processes[nodeId - 1] as SimProcess
  }

  /** The first broken rule counts; the run ends at the next event. */
  violated(error: unknown): void {
    this.violation ??= error
  }

  count(what: string): void {
    this.hits.set(what, (this.hits.get(what) ?? 0) + 1)
  }

  trace(node: NodeId, group: GroupIndex, text: () => string): void {
    const at = this.queue.now
    const line = text()
    this.lines[this.nextLine++ % TRACE_LINES] = () => `${at.toFixed(3).padStart(11)}  ${node}/${group}  ${line}`
  }

  traceLines(): string[] {
    const from = Math.max(0, this.nextLine - TRACE_LINES)
    const lines: string[] = []
    for (let i = from; i < this.nextLine; i++) lines.push((this.lines[i % TRACE_LINES] as () => string)())
    return lines
  }

  commitMs(node: NodeId): number {
    const { random } = this
    const ms = random.chance(0.02) ? random.between(5, 120) : random.between(0.2, 3)
    return this.network.isSlow(node) ? ms * 10 : ms
  }

  raise(process: SimProcess): void {
    if (!process.up && process.start()) this.network.born(process.nodeId)
  }

  /** A store refuses to open, as damaged ones do; a full disk or an error may be better next time. */
  startFailed({ nodeId }: SimProcess, code: string): void {
    this.count(`start refused: ${code}`)
    const expected = DAMAGE_CODES.has(code)
      ? this.damage.isHit(nodeId)
      : code === 'DISK_FULL' || code === 'STORAGE_FAILED'
    this.observer.check(() => assert(expected, `node ${nodeId} does not start: ${code}`))
  }

  /** Faults, then healing, then rest. Throws at the first broken rule. */
  run(): void {
    this.observer.during(() => {
      this.nemesis.start()
      for (const process of this.processes) this.raise(process)
      this.workload.start()
      while (this.rounds < this.plan.rounds && this.queue.now < MAX_RUN_MS) this.next()
      this.heal()
      const end = this.queue.now + HEAL_MS
      while (this.workload.pendingCount > 0 || this.unsettled() !== '') {
        assert(this.queue.now < end, `rule 11: not settled ${HEAL_MS} ms after the last fault: ${this.unsettled()}`)
        this.next()
      }
      this.executed.checkAcknowledged()
      this.workload.checkNeverExecuted()
      this.checkSilence()
      this.checkEqual()
    })
  }

  private next(): void {
    this.queue.next()
    if (this.violation !== undefined) throw this.violation
  }

  private heal(): void {
    this.trace(0, 0, () => 'the last fault heals')
    this.nemesis.stop()
    this.workload.stop()
    this.faults = NO_FAULTS
    this.network.faults = NO_FAULTS
    this.network.mendAll()
    for (const process of this.processes) {
      for (const { path } of process.stores) {
        const disk = process.diskAt(path)
        disk.isFull = false
        disk.failNextRead = false
        disk.failingWrite = 0
      }
      // A full disk comes back by itself; after any other failure, or damage, an operator restarts the node.
      const failures = process.worker?.round.hosts.map((host) => host.store.failure?.code) ?? []
      const isFailed = failures.some((code) => code !== undefined && code !== 'DISK_FULL')
      if (isFailed || this.damage.isHit(process.nodeId)) process.crash()
      this.raise(process)
    }
    this.workload.finish()
  }

  /** What is still open, in words; empty if nothing is. */
  private unsettled(): string {
    if (this.workload.pendingCount > 0) return `${this.workload.pendingCount} operations pending`
    for (const { nodeId, worker } of this.processes) {
      for (let group = 0; group < this.plan.groups; group++) {
        const host = worker?.round.host(group)
        const core = host?.core
        if (core === undefined) return `group ${group} of node ${nodeId} is ${host?.state ?? 'down'}`
        const { lastAccepted, chosenUpTo, executedUpTo } = core
        const all = this.observer.ledger(group).chosenUpTo
        if (chosenUpTo === all && executedUpTo === all && lastAccepted === all) continue
        return (
          `group ${group}: ${all} chosen; node ${nodeId} has accepted ${lastAccepted}, ` +
          `chosen ${chosenUpTo}, executed ${executedUpTo}`
        )
      }
    }
    return ''
  }

  /** An idle cluster sends nothing but the last news of what it did. */
  private checkSilence(): void {
    const quiet = this.queue.now + 4000
    while (this.queue.now < quiet) this.next()
    const { frames } = this.network
    const end = this.queue.now + 4000
    while (this.queue.now < end) this.next()
    assert(this.network.frames === frames, `an idle cluster sends ${this.network.frames - frames} frames`)
  }

  /** All replicas say the same of what they chose and of what came out of it. */
  private checkEqual(): void {
    for (let group = 0; group < this.plan.groups; group++) {
      const said = new Set<string>()
      for (const { statuses } of this.processes) {
        const status = statuses.get(group)
        said.add(
          `chosen ${status?.chosenUpTo}, chain ${status?.chain}, digest ${status?.digest} at ${status?.digestAt}`,
        )
      }
      assert(said.size === 1, `replicas of group ${group} differ: ${[...said].join('; ')}`)
    }
  }
}
