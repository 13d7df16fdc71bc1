import { assert, InvariantBroken } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import type { AnyStateMachine } from './contract.js'
import { describeThrown, ExecuteFailure } from './execute-failure.js'
import type { MachinePosition } from './external.js'
import { type Hosted, HostedExternal, HostedMemory, HostedStored, isAtOrBefore } from './hosted.js'
import type { ExecuteContext } from './machine-common.js'
import { type Outcome, OutcomeStatus, type PayloadTools } from './outcome.js'
import { isReject, rejectReason } from './reject.js'
import { isBytes } from './value-codec.js'
import type { StateChange, StateReads } from './write-set.js'

const EMPTY = new Uint8Array(0)
const utf8 = new TextEncoder()

/** A command or query as bytes: `body[offset .. offset + length]`, for one machine. Read at once, never kept. */
export interface EncodedPayload {
  readonly machineId: number
  readonly flags: number
  readonly body: Uint8Array
  readonly offset: number
  readonly length: number
}

interface MutableContext {
  instance: Instance
  index: number
  readonly master: ExecuteContext['master']
}

/** Where the state of one group lives, as far as it is not in memory. */
export interface MachineHome {
  readonly group: GroupIndex
  /** Undefined only where no machine is a stored one. */
  readonly reads: StateReads | undefined
  /** The directory that `ExternalHome` describes. */
  externalDirectory(machineId: number): string
}

const NO_HOME: MachineHome = {
  group: 0,
  reads: undefined,
  externalDirectory(machineId) {
    throw new InvariantBroken(`there is a directory for machine ${machineId}`)
  },
}

/**
 * The state machines of one group with their states. Whatever a command contains, every replica comes to the same
 * outcome: no machine of that id, bytes that do not decode and `Reject` are outcomes; only what `execute` throws beyond
 * that is an `ExecuteFailure`. After it, and after what the reads of a stored state threw, the set must be thrown away
 * and its machines' states built again.
 */
export class MachineSet {
  /** Of the latest command or query; valid until the next one. */
  readonly outcome: Outcome = { status: OutcomeStatus.ok, flags: 0, bytes: EMPTY }
  /**
   * Over the outcomes of all commands so far but those of external machines: replicas that executed the same commands
   * have the same one. During a replay it is that of `digestUpTo` already.
   */
  digest = 0
  readonly memoryIds: readonly number[]
  readonly storedIds: readonly number[]
  readonly externalIds: readonly number[]

  readonly #hosted = new Map<number, HostedMemory | HostedStored | HostedExternal>()
  readonly #stored: HostedStored[] = []
  readonly #external: HostedExternal[] = []
  readonly #tools: PayloadTools
  readonly #maxResultBytes: number
  readonly #context: MutableContext = { instance: 0, index: 0, master: Object.freeze({ nodeId: 0, version: 0 }) }
  #digestUpTo: Instance = 0

  /** Makes or opens every state; what a machine throws comes out as an `ExecuteFailure` at instance 0. */
  constructor(
    machines: readonly AnyStateMachine[],
    tools: PayloadTools,
    maxResultBytes: number,
    home: MachineHome = NO_HOME,
  ) {
    this.#tools = tools
    this.#maxResultBytes = maxResultBytes
    for (const machine of machines) this.#host(machine, home)
    const idsOf = (kind: AnyStateMachine['kind']) =>
      machines.filter((machine) => (machine.kind ?? 'memory') === kind).map(({ id }) => id)
    this.memoryIds = idsOf('memory')
    this.storedIds = idsOf('stored')
    this.externalIds = idsOf('external')
  }

  /**
   * Executes one command; the outcome is in `outcome` and continues `digest`. A command that is in its machine's state
   * already is left out: its outcome says no more than that it took effect, and nobody waits for it.
   */
  execute(command: EncodedPayload, instance: Instance, index: number): Outcome {
    const hosted = this.#hosted.get(command.machineId)
    if (hosted === undefined) this.#refuse(OutcomeStatus.rejected, `no state machine ${command.machineId}`)
    else if (isAtOrBefore(instance, index, hosted.done)) return this.#refuse(OutcomeStatus.notEncodable, undefined)
    else this.#executeHosted(hosted, command, instance, index)
    const { outcome } = this
    if (instance > this.#digestUpTo && hosted?.machine.kind !== 'external')
      this.digest = this.#tools.digest(this.digest, outcome.status, outcome.bytes)
    // After the digest: the limit is this node's own, and the digest is compared with other nodes.
    return this.#limited()
  }

  /** Answers one query from the state as executed; the digest stays. Throws only what the reads of a stored state threw. */
  query(payload: EncodedPayload): Outcome {
    const { machineId } = payload
    const hosted = this.#hosted.get(machineId)
    if (hosted === undefined) return this.#refuse(OutcomeStatus.rejected, `no state machine ${machineId}`)
    const { machine } = hosted
    if (machine.query === undefined) return this.#refuse(OutcomeStatus.queryFailed, `machine ${machineId} has no query`)
    let query: unknown
    try {
      query = this.#decode(machine, payload)
    } catch (error) {
      return this.#refuse(OutcomeStatus.rejected, undecodable(error))
    }
    try {
      this.#encodeResult(machine, hosted.query(query))
    } catch (thrown) {
      if (isReject(thrown)) this.#refuse(OutcomeStatus.rejected, rejectReason(thrown))
      else this.#refuse(OutcomeStatus.queryFailed, describeThrown(thrown))
    }
    if (hosted.failedRead !== undefined) throw hosted.failedRead.error
    return this.#limited()
  }

  /** The machine's state holds all commands up to this one; an `index` of `Infinity` means the whole instance. */
  setPosition(machine: number, instance: Instance, index: number): void {
    this.#of(machine).done = { instance, index }
  }

  /** The last command that the state holds for sure: of an external machine as it says now, else as it was set. */
  positionOf(machine: number): MachinePosition {
    const hosted = this.#of(machine)
    return hosted instanceof HostedExternal ? hosted.position : hosted.done
  }

  /** `digest` is that of all outcomes up to this instance: what is executed up to there does not continue it. */
  startDigest(digest: number, upTo: Instance): void {
    this.digest = digest
    this.#digestUpTo = upTo
  }

  get digestUpTo(): Instance {
    return this.#digestUpTo
  }

  /** Every machine in memory can be saved and loaded. */
  get canSnapshot(): boolean {
    return this.memoryIds.every((id) => (this.#of(id) as HostedMemory).canSnapshot)
  }

  /** The state of a memory machine, for `restore`. Throws an `ExecuteFailure`; the state is as good as before then. */
  snapshot(machine: number): Uint8Array {
    const hosted = this.#of(machine)
    assert(hosted instanceof HostedMemory, `machine ${machine} is in memory`)
    return hosted.snapshot(this.#tools)
  }

  restore(machine: number, saved: Uint8Array): void {
    const hosted = this.#of(machine)
    assert(hosted instanceof HostedMemory, `machine ${machine} is in memory`)
    hosted.restore(saved, this.#tools)
  }

  /** What commands have changed in stored machines since `committed`: by machine, ascending by key. */
  changes(): ReadonlyMap<number, readonly StateChange[]> {
    const changed = this.#stored.filter(({ set }) => !set.isEmpty)
    return new Map(changed.map(({ machine, set }) => [machine.id, set.changes()]))
  }

  /** Keys and values of `changes`. */
  get changedBytes(): number {
    let bytes = 0
    for (const { set } of this.#stored) bytes += set.bytes
    return bytes
  }

  /** What `changes` gave is in the committed state now; nothing was executed in between. */
  committed(): void {
    for (const { set } of this.#stored) set.committed()
  }

  /** Tells every external machine to make durable what it executed; false: one of them has not. Throws `ExecuteFailure`. */
  sync(): boolean {
    return this.#external.map((hosted) => hosted.sync()).every((isDurable) => isDurable)
  }

  /** The state of an external machine into an empty directory. Throws an `ExecuteFailure`. */
  save(machine: number, directory: string): void {
    const hosted = this.#of(machine)
    assert(hosted instanceof HostedExternal, `machine ${machine} is an external one`)
    hosted.save(directory)
  }

  /** Closes the external machines, each of them, then throws what the first one of them threw: an `ExecuteFailure`. */
  close(): void {
    const thrown: unknown[] = []
    for (const hosted of this.#external) {
      try {
        hosted.close()
      } catch (error) {
        thrown.push(error)
      }
    }
    if (thrown.length > 0) throw thrown[0]
  }

  #host(machine: AnyStateMachine, home: MachineHome): void {
    if (machine.kind === 'stored') {
      assert(home.reads !== undefined, `there is a stored state for machine ${machine.id}`)
      const hosted = new HostedStored(machine, home.reads, this.#tools)
      this.#stored.push(hosted)
      this.#hosted.set(machine.id, hosted)
    } else if (machine.kind === 'external') {
      const { group } = home
      const hosted = new HostedExternal(machine, { group, directory: home.externalDirectory(machine.id) })
      this.#external.push(hosted)
      this.#hosted.set(machine.id, hosted)
    } else {
      this.#hosted.set(machine.id, new HostedMemory(machine))
    }
  }

  #of(machine: number): HostedMemory | HostedStored | HostedExternal {
    const hosted = this.#hosted.get(machine)
    assert(hosted !== undefined, `machine ${machine} is one of this group's`)
    return hosted
  }

  #executeHosted(hosted: Hosted, payload: EncodedPayload, instance: Instance, index: number): void {
    const { machine } = hosted
    let command: unknown
    try {
      command = this.#decode(machine, payload)
    } catch (error) {
      this.#refuse(OutcomeStatus.rejected, undecodable(error))
      return
    }
    const context = this.#context
    context.instance = instance
    context.index = index
    let result: unknown
    try {
      result = hosted.execute(command, context)
    } catch (thrown) {
      if (hosted.failedRead !== undefined) throw hosted.failedRead.error
      if (!isReject(thrown)) throw new ExecuteFailure(machine.id, instance, index, thrown)
      this.#refuse(OutcomeStatus.rejected, rejectReason(thrown))
      return
    }
    // Also where the machine has caught it: what it made of it is not what other replicas have.
    if (hosted.failedRead !== undefined) throw hosted.failedRead.error
    this.#encodeResult(machine, result)
  }

  #decode(machine: AnyStateMachine, { flags, body, offset, length }: EncodedPayload): unknown {
    const { codec } = machine
    if (codec === undefined || codec === 'cbor') return this.#tools.decode(flags, body, offset, length)
    if (flags !== this.#tools.rawFlags) throw new Error(`machine ${machine.id} takes bytes only`)
    const bytes = body.subarray(offset, offset + length)
    return codec === 'bytes' ? bytes : codec.decode(bytes)
  }

  /** The state has changed already and cannot be taken back: a result that does not fit is the caller's loss alone. */
  #encodeResult(machine: AnyStateMachine, result: unknown): Outcome {
    const { outcome } = this
    try {
      if (isThenable(result)) return this.#refuse(OutcomeStatus.notEncodable, undefined)
      outcome.status = OutcomeStatus.ok
      if (typeof machine.codec === 'object') {
        outcome.flags = this.#tools.rawFlags
        outcome.bytes = machine.codec.encode(result)
        if (!isBytes(outcome.bytes)) return this.#refuse(OutcomeStatus.notEncodable, undefined)
      } else {
        const encoded = this.#tools.encode(result)
        outcome.flags = encoded.flags
        outcome.bytes = encoded.bytes
      }
    } catch {
      return this.#refuse(OutcomeStatus.notEncodable, undefined)
    }
    return outcome
  }

  #limited(): Outcome {
    if (this.outcome.bytes.length <= this.#maxResultBytes || this.outcome.status !== OutcomeStatus.ok)
      return this.outcome
    return this.#refuse(OutcomeStatus.tooLarge, undefined)
  }

  #refuse(status: OutcomeStatus, why: string | undefined): Outcome {
    const { outcome } = this
    outcome.status = status
    outcome.flags = this.#tools.rawFlags
    outcome.bytes = why === undefined ? EMPTY : utf8.encode(why)
    return outcome
  }
}

/** No message of the decoder in it: its wording could differ between replicas of two versions. */
function undecodable(error: unknown): string {
  return isReject(error) ? rejectReason(error) : 'the payload cannot be decoded'
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
