import { ballotNode } from '../core/ballot.js'
import type { CallOptions } from './calls.js'
import type { CheckpointMade } from './checkpoint-calls.js'
import type { HostedGroup } from './hosted-group.js'
import { PaxosError } from './paxos-error.js'
import type { Answer, SettledAnswer } from './pending.js'
import { encodeCall } from './results.js'
import type { CallPort } from './worker-port.js'

export interface ProposeOptions {
  /** Milliseconds until the call ends with `TIMEOUT` or `NO_QUORUM`; default `timeouts.proposeMs`. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Which state machine, by its id; default: the first of `stateMachines`. */
  readonly machine?: number
}

export interface ReadOptions extends ProposeOptions {
  /**
   * `quorum` (default): linearizable, one round trip to a majority. `local`: the state of this node as it is now, which
   * may lack what others have seen, and works without any peer.
   */
  readonly consistency?: 'quorum' | 'local'
}

/** How a group stands on this node. Numbers are as of the worker's last report, at most 100 ms old. */
export interface GroupView {
  readonly group: number
  readonly state: string
  /** Every instance up to this one is known chosen here. */
  readonly chosenUpTo: number
  /** Every instance up to this one has been applied to the state machines here. */
  readonly executedUpTo: number
  /** The highest instance accepted here. */
  readonly lastAccepted: number
  /** The first instance that the log here still holds. */
  readonly firstKept: number
  /** The newest checkpoint here covers every instance up to this one; 0: there is none. */
  readonly checkpoint: number
  /** Checksum over all chosen values up to `chosenUpTo`: equal on all nodes at the same instance. */
  readonly chain: number
  /** Checksum over all results up to `digestAt`. */
  readonly digest: number
  readonly digestAt: number
  /** The node that leads as far as this one knows; 0 if none is in sight. */
  readonly leader: number
  readonly membershipVersion: number
  readonly executedCommands: number
  /** Of the node's own thread; `status().ports` has those of the ports. */
  readonly queues: {
    /** Commands in the host, which a deadline still takes out as never applied. */
    readonly queued: number
    /** Commands with the worker: in its ring, waiting to be proposed, or in flight. */
    readonly handed: number
    readonly waitingBytes: number
    readonly reads: number
    /** Refused by admission since the start. */
    readonly refused: number
  }
  /** Why the group does not work; absent while it does. */
  readonly failure?: { readonly code: string; readonly message: string }
}

/** What is not named stays as it is. `Infinity` is fine. */
export interface HoldChange {
  readonly instances?: number
  readonly ms?: number
  readonly bytes?: number
}

export interface HandleSettings {
  readonly maxCommandBytes: number
  readonly proposeMs: number
  readonly readMs: number
  readonly machines: readonly number[]
  now(): number
}

/** One group of the cluster, seen from this node. Cheap; holds no state of its own. */
export class GroupHandle {
  readonly index: number
  readonly #group: HostedGroup<CallPort>
  readonly #settings: HandleSettings

  constructor(group: HostedGroup<CallPort>, settings: HandleSettings) {
    this.index = group.index
    this.#group = group
    this.#settings = settings
  }

  /**
   * Proposes a command and resolves when this node has executed it: a `local` read here sees it from then on
   * (but for the time in which the group is built again from its log: its status says so).
   * Rejects with a `PaxosError` whose `outcome` says whether the command may have taken effect.
   *
   * @example const { instance, result } = await group.propose({ add: 1 }, { timeoutMs: 2_000 })
   */
  propose(command: unknown, options?: ProposeOptions): Promise<Answer> {
    const settings = this.#settings
    try {
      const { flags, bytes } = encodeCall(command, settings.maxCommandBytes)
      return this.#group.proposals.submit(flags, bytes, this.#callOptions(options, settings.proposeMs))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Proposes commands in order, with one promise for all: much cheaper than one each. Rejects only if none of them was
   * taken in; otherwise each command has its own end, `{ instance, index, result }` or `{ error }`, in the same order.
   */
  proposeMany(commands: readonly unknown[], options?: ProposeOptions): Promise<SettledAnswer[]> {
    const settings = this.#settings
    try {
      const payloads = commands.map((command) => encodeCall(command, settings.maxCommandBytes))
      return this.#group.proposals.submitMany(payloads, this.#callOptions(options, settings.proposeMs))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Asks the state machine and resolves with its answer. */
  async read(query?: unknown, options?: ReadOptions): Promise<unknown> {
    const settings = this.#settings
    const consistency = options?.consistency ?? 'quorum'
    const lane = this.#group.reads.get(consistency)
    if (lane === undefined) {
      throw new PaxosError(
        'INVALID_OPTION',
        `option consistency: got ${String(consistency)}, takes 'quorum' or 'local'`,
      )
    }
    const payload = encodeCall(query, settings.maxCommandBytes)
    const { result } = await lane.submit(payload.flags, payload.bytes, this.#callOptions(options, settings.readMs))
    return result
  }

  status(): GroupView {
    const { status, proposals, reads, failure, state } = this.#group
    let waitingReads = 0
    for (const lane of reads.values()) waitingReads += lane.queued + lane.handed
    return {
      group: this.index,
      state,
      chosenUpTo: status?.chosenUpTo ?? 0,
      executedUpTo: status?.executedUpTo ?? 0,
      lastAccepted: status?.lastAccepted ?? 0,
      firstKept: status?.firstKept ?? 1,
      checkpoint: status?.checkpoint ?? 0,
      chain: status?.chain ?? 0,
      digest: status?.digest ?? 0,
      digestAt: status?.digestAt ?? 0,
      leader: ballotNode(status?.leader ?? 0),
      membershipVersion: status?.membershipVersion ?? 0,
      executedCommands: status?.executedCommands ?? 0,
      queues: {
        queued: proposals.queued,
        handed: proposals.handed,
        waitingBytes: proposals.admission.waitingBytes,
        reads: waitingReads,
        refused: proposals.admission.refused,
      },
      ...(failure === undefined ? {} : { failure }),
    }
  }

  /** Changes the bounds of admission on this node, at once. */
  setAdmission(bounds: { maxWaiting?: number; maxWaitingBytes?: number; maxWaitMs?: number }): void {
    const { proposals, reads } = this.#group
    for (const value of Object.values(bounds)) {
      if (!(typeof value === 'number' && value > 0)) {
        throw new PaxosError('INVALID_OPTION', `option admission: got ${String(value)}, takes numbers above 0`)
      }
    }
    for (const { admission } of [proposals, ...reads.values()]) admission.bounds = { ...admission.bounds, ...bounds }
  }

  /**
   * Makes a checkpoint and resolves when one is durable that covers everything that was executed here when this was
   * called; calls at one time share one. Rejects with `CHECKPOINT_FAILED`, `GROUP_RESTARTED`, `NODE_STOPPED`, or what the
   * group has failed with; what was made by then stays.
   */
  checkpoint(): Promise<CheckpointMade> {
    return this.#group.checkpoint()
  }

  /** Keeps all of the log that there is now, and all that comes, until `resumeTrimming` or the end of the process. */
  pauseTrimming(): void {
    this.#group.pauseTrimming(true)
  }

  resumeTrimming(): void {
    this.#group.pauseTrimming(false)
  }

  /** Changes what of the log is kept behind checkpoints on this node, until the end of the process: option `trimming`. */
  setHold(hold: HoldChange): void {
    for (const [name, value] of Object.entries(hold)) {
      const isKnown = name === 'instances' || name === 'ms' || name === 'bytes'
      if (isKnown && typeof value === 'number' && value >= 0) continue
      const takes = isKnown ? 'numbers from 0 on' : 'instances, ms and bytes'
      throw new PaxosError('INVALID_OPTION', `option hold.${name}: got ${String(value)}, takes ${takes}`)
    }
    this.#group.setHold(hold)
  }

  #callOptions(options: ProposeOptions | undefined, defaultMs: number): CallOptions {
    const { machines } = this.#settings
    const first = machines[0] as number
    const now = this.#settings.now()
    if (options === undefined) return { now, deadline: now + defaultMs, signal: undefined, machineId: first }
    const timeoutMs = options.timeoutMs ?? defaultMs
    // NaN would never pass, and a deadline that never passes would keep its caller for ever.
    if (!(timeoutMs >= 0 && timeoutMs <= 86_400_000)) {
      throw new PaxosError('INVALID_OPTION', `option timeoutMs: got ${String(timeoutMs)}, takes 0 to 86400000`)
    }
    const machineId = options.machine ?? first
    if (machineId !== first && !machines.includes(machineId)) {
      const known = machines.join(', ')
      const message = `there is no state machine ${String(machineId)} on this node; there are ${known}`
      throw new PaxosError('NO_SUCH_MACHINE', message, { outcome: 'not-applied' })
    }
    return { now, deadline: now + timeoutMs, signal: options.signal, machineId }
  }
}
