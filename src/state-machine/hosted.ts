import { assert } from '../base/assert.js'
import type { Instance } from '../base/numbers.js'
import type { AnyStateMachine } from './contract.js'
import { ExecuteFailure } from './execute-failure.js'
import type { ExternalHome, ExternalMachine, MachinePosition } from './external.js'
import { keyCodec } from './key-codec.js'
import type { ExecuteContext } from './machine-common.js'
import type { MemoryMachine } from './memory.js'
import type { PayloadTools } from './outcome.js'
import { isReject } from './reject.js'
import type { StoredMachine } from './stored.js'
import { StoredView } from './stored-view.js'
import { valueCodec } from './value-codec.js'
import { type StateReads, WriteSet } from './write-set.js'

/** One machine with its state in one group. What the machine throws comes out as it is. */
export interface Hosted {
  readonly machine: AnyStateMachine
  /** Commands up to this one are in the state already. */
  done: MachinePosition
  execute(command: unknown, context: ExecuteContext): unknown
  query(query: unknown): unknown
  /** Reading the state failed during the last call: what came out of it, even without a throw, is void. */
  readonly failedRead: { readonly error: unknown } | undefined
}

const NOWHERE: MachinePosition = { instance: 0, index: -1 }

/** Snapshots are encoded and decoded in one piece, in memory. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024

export class HostedMemory implements Hosted {
  readonly machine: MemoryMachine
  readonly failedRead = undefined
  done = NOWHERE
  #state: unknown

  constructor(machine: MemoryMachine) {
    this.machine = machine
    this.#state = inMachine(machine, 'in create', () => machine.create())
  }

  execute(command: unknown, context: ExecuteContext): unknown {
    return this.machine.execute(this.#state, command, context)
  }

  query(query: unknown): unknown {
    return this.machine.query!(this.#state, query)
  }

  get canSnapshot(): boolean {
    return this.machine.snapshot !== undefined && this.machine.restore !== undefined
  }

  snapshot(tools: PayloadTools): Uint8Array {
    const { machine } = this
    assert(this.canSnapshot, `machine ${machine.id} has snapshot and restore`)
    return inMachine(machine, 'in snapshot', () =>
      tools.encodePlain(machine.snapshot!(this.#state), MAX_SNAPSHOT_BYTES),
    )
  }

  restore(saved: Uint8Array, tools: PayloadTools): void {
    const { machine } = this
    assert(this.canSnapshot, `machine ${machine.id} has snapshot and restore`)
    this.#state = inMachine(machine, 'in restore', () => machine.restore!(tools.decodePlain(saved)))
  }
}

export class HostedStored implements Hosted {
  readonly machine: StoredMachine
  readonly set: WriteSet
  done = NOWHERE
  readonly #view: StoredView

  constructor(machine: StoredMachine, reads: StateReads, tools: PayloadTools) {
    this.machine = machine
    this.set = new WriteSet(machine.id, reads)
    const { keys = 'text', values = 'cbor' } = machine
    this.#view = new StoredView(this.set, keyCodec(keys), valueCodec(values, tools))
  }

  get failedRead(): { readonly error: unknown } | undefined {
    return this.set.failedRead
  }

  /** After a throw other than `Reject` the changes of half a command are in the set. */
  execute(command: unknown, context: ExecuteContext): unknown {
    const { set } = this
    set.beginCommand()
    let result: unknown
    try {
      result = this.machine.execute(this.#view as never, command, context)
    } catch (thrown) {
      if (isReject(thrown)) set.undoCommand()
      throw thrown
    }
    set.keepCommand()
    return result
  }

  query(query: unknown): unknown {
    this.set.beginQuery()
    try {
      return this.machine.query!(this.#view as never, query)
    } finally {
      this.set.endQuery()
    }
  }
}

export class HostedExternal implements Hosted {
  readonly machine: ExternalMachine
  readonly failedRead = undefined
  done: MachinePosition
  readonly #state: unknown
  /** The last command that was executed and not rejected. */
  #instance: Instance
  #index: number

  constructor(machine: ExternalMachine, home: ExternalHome) {
    this.machine = machine
    this.#state = inMachine(machine, 'in open', () => machine.open(home))
    this.done = this.position
    this.#instance = this.done.instance
    this.#index = this.done.index
  }

  /** What the machine says is durable. */
  get position(): MachinePosition {
    const { machine } = this
    return inMachine(machine, 'in position', () => {
      const { instance, index } = machine.position(this.#state)
      const isOne = Number.isSafeInteger(instance) && instance >= 0 && Number.isSafeInteger(index) && index >= -1
      if (!isOne) throw new TypeError(`{ instance: ${String(instance)}, index: ${String(index)} } is no position`)
      return { instance, index }
    })
  }

  execute(command: unknown, context: ExecuteContext): unknown {
    const result = this.machine.execute(this.#state, command, context)
    this.#instance = context.instance
    this.#index = context.index
    return result
  }

  query(query: unknown): unknown {
    return this.machine.query!(this.#state, query)
  }

  /** Whether everything executed is durable now. */
  sync(): boolean {
    const { machine } = this
    inMachine(machine, 'in sync', () => machine.sync?.(this.#state))
    return isAtOrBefore(this.#instance, this.#index, this.position)
  }

  save(directory: string): void {
    inMachine(this.machine, 'in save', () => this.machine.save(this.#state, directory))
  }

  close(): void {
    inMachine(this.machine, 'in close', () => this.machine.close?.(this.#state))
  }
}

export function isAtOrBefore(instance: Instance, index: number, position: MachinePosition): boolean {
  return instance < position.instance || (instance === position.instance && index <= position.index)
}

function inMachine<Result>(machine: AnyStateMachine, where: string, call: () => Result): Result {
  try {
    return call()
  } catch (thrown) {
    throw new ExecuteFailure(machine.id, 0, 0, thrown, where)
  }
}
