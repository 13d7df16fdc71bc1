import type { Instance } from '../base/numbers.js'
import type { AnyStateMachine, ExecuteContext } from './contract.js'
import { describeThrown, ExecuteFailure } from './execute-failure.js'
import { type Outcome, OutcomeStatus, type PayloadTools } from './outcome.js'
import { isReject, rejectReason } from './reject.js'

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

interface Hosted {
  readonly machine: AnyStateMachine
  state: unknown
}

interface MutableContext {
  instance: Instance
  index: number
  readonly master: ExecuteContext['master']
}

/**
 * The state machines of one group with their states. Whatever a command contains, every replica comes to the same
 * outcome: no machine of that id, bytes that do not decode and `Reject` are outcomes; only what `execute` throws beyond
 * that is an `ExecuteFailure`, after which the set must be thrown away.
 */
export class MachineSet {
  /** Of the latest command or query; valid until the next one. */
  readonly outcome: Outcome = { status: OutcomeStatus.ok, flags: 0, bytes: EMPTY }
  /** Over all outcomes so far: replicas that executed the same commands have the same one. */
  digest = 0

  readonly #hosted = new Map<number, Hosted>()
  readonly #tools: PayloadTools
  readonly #maxResultBytes: number
  readonly #context: MutableContext = { instance: 0, index: 0, master: Object.freeze({ nodeId: 0, version: 0 }) }

  /** Calls `create` of every machine; what it throws comes out as an `ExecuteFailure` at instance 0. */
  constructor(machines: readonly AnyStateMachine[], tools: PayloadTools, maxResultBytes: number) {
    this.#tools = tools
    this.#maxResultBytes = maxResultBytes
    for (const machine of machines) {
      try {
        this.#hosted.set(machine.id, { machine, state: machine.create() })
      } catch (thrown) {
        throw new ExecuteFailure(machine.id, 0, 0, thrown)
      }
    }
  }

  /** Executes one command; the outcome is in `outcome` and continues `digest`. */
  execute(command: EncodedPayload, instance: Instance, index: number): Outcome {
    const outcome = this.outcome
    const hosted = this.#hosted.get(command.machineId)
    if (hosted === undefined) this.#refuse(OutcomeStatus.rejected, `no state machine ${command.machineId}`)
    else this.#executeHosted(hosted, command, instance, index)
    this.digest = this.#tools.digest(this.digest, outcome.status, outcome.bytes)
    // After the digest: the limit is this node's own, and the digest is compared with other nodes.
    return this.#limited()
  }

  /** Answers one query from the state as executed; never throws, and the digest stays. */
  query(payload: EncodedPayload): Outcome {
    const { machineId } = payload
    const hosted = this.#hosted.get(machineId)
    if (hosted === undefined) return this.#refuse(OutcomeStatus.rejected, `no state machine ${machineId}`)
    const { machine, state } = hosted
    if (machine.query === undefined) return this.#refuse(OutcomeStatus.queryFailed, `machine ${machineId} has no query`)
    let query: unknown
    try {
      query = this.#decode(machine, payload)
    } catch (error) {
      return this.#refuse(OutcomeStatus.rejected, undecodable(error))
    }
    try {
      this.#encodeResult(machine, machine.query(state, query))
      return this.#limited()
    } catch (thrown) {
      if (isReject(thrown)) return this.#refuse(OutcomeStatus.rejected, rejectReason(thrown))
      return this.#refuse(OutcomeStatus.queryFailed, describeThrown(thrown))
    }
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
      result = machine.execute(hosted.state, command, context)
    } catch (thrown) {
      if (!isReject(thrown)) throw new ExecuteFailure(machine.id, instance, index, thrown)
      this.#refuse(OutcomeStatus.rejected, rejectReason(thrown))
      return
    }
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

function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'Uint8Array'
}
