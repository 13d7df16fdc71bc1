import type { NodeId } from '../base/numbers.js'
import { type ControlLimits, decodeControl, encodeControl } from '../codec/control.js'
import type { Transport } from '../net/transport.js'
import type { DataHome } from './data-home.js'
import { Birth, type Genesis, type GenesisMessage, readGenesisMessage } from './genesis.js'
import type { Logger } from './option-schema.js'
import type { Settings } from './options.js'
import { PaxosError } from './paxos-error.js'

const ASK_MS = 200
const TELL_MS = 5_000

/** The control frames about the birth of the cluster: answers those of others, and waits for an own genesis. */
export class BirthRoom {
  readonly #settings: Settings
  readonly #home: DataHome
  readonly #wire: () => Pick<Transport, 'send'>
  readonly #limits: ControlLimits
  readonly #log: Logger
  #birth: Birth | undefined
  #found: ((genesis: Genesis) => void) | undefined
  /** Answers only what is durable: before that, this voter may not be named. */
  isOpen = false

  constructor(
    settings: Settings,
    home: DataHome,
    wire: () => Pick<Transport, 'send'>,
    limits: ControlLimits,
    log: Logger,
  ) {
    this.#settings = settings
    this.#home = home
    this.#wire = wire
    this.#limits = limits
    this.#log = log
  }

  /** A control frame of a peer. Throws `CodecError` for what is no control frame. */
  receive(from: NodeId, frame: Uint8Array): void {
    const message = readGenesisMessage(decodeControl(frame, this.#limits))
    if (message === undefined || !this.isOpen) return
    if (message.kind === 'genesis-ask') {
      // Not an empty node: a cluster that loses its data must not be born again in silence.
      if (this.#home.isReturning) return
      const { voterId, genesis } = this.#home
      const nodes = [...this.#settings.nodeIds]
      this.#send(from, { kind: 'genesis-answer', voterId, nodes, genesis: genesis ?? null })
    } else {
      this.#birth?.answered(from, message)
      this.#look()
    }
  }

  linkUp(): void {
    this.#birth?.ask()
  }

  linkDown(peer: NodeId): void {
    this.#birth?.linkDown(peer)
  }

  /** Waits for a genesis: found on a peer, or drawn here. `signal` ends the wait. */
  async wait(signal: AbortSignal): Promise<Genesis> {
    const { nodeId, nodeIds, wantedGroups, timeouts } = this.#settings
    const { voterId, isReturning } = this.#home
    const create = this.#settings.create && !isReturning
    const send = (peer: NodeId, message: GenesisMessage) => this.#send(peer, message)
    const birth = new Birth({ nodeId, voterId, nodeIds, create, groups: wantedGroups, send })
    this.#birth = birth
    const ask = setInterval(() => birth.ask(), ASK_MS)
    const tell = setInterval(() => this.#log.info({ waitingFor: birth.waitingFor }, this.#sentence(birth)), TELL_MS)
    let late: NodeJS.Timeout | undefined
    let stop: (() => void) | undefined
    try {
      return await new Promise<Genesis>((resolve, reject) => {
        this.#found = resolve
        stop = () => reject(new PaxosError('NODE_STOPPED', 'the node was stopped before its cluster was born'))
        signal.addEventListener('abort', stop)
        if (signal.aborted) stop()
        const fail = () => reject(this.#notBorn(birth))
        if (timeouts.birthMs > 0) late = setTimeout(fail, timeouts.birthMs)
        birth.ask()
        this.#look()
      })
    } finally {
      clearInterval(ask)
      clearInterval(tell)
      clearTimeout(late)
      if (stop !== undefined) signal.removeEventListener('abort', stop)
      this.#birth = undefined
      this.#found = undefined
    }
  }

  #look(): void {
    const found = this.#birth?.found
    if (found !== undefined) this.#found?.(found)
  }

  #notBorn(birth: Birth): PaxosError {
    if (birth.refusal !== undefined) return new PaxosError('BIRTH_REFUSED', birth.refusal)
    return new PaxosError('NOT_BORN', `${this.#sentence(birth)}; ${this.#settings.timeouts.birthMs} ms have passed`)
  }

  #sentence(birth: Birth): string {
    const { create, nodeId, nodeIds } = this.#settings
    if (birth.refusal !== undefined) return birth.refusal
    if (this.#home.isReturning)
      return 'the data of this node were damaged and set aside: waiting for a node that knows the cluster'
    const missing = birth.waitingFor
    if (missing.length > 0)
      return `waiting for the nodes ${missing.join(', ')} to answer whether the cluster has been born`
    if (nodeId !== nodeIds[0]) return `waiting for node ${nodeIds[0]}, the lowest one, to create the cluster`
    return create
      ? 'creating the cluster'
      : 'all nodes are empty, and option create is not set: nobody creates the cluster'
  }

  #send(peer: NodeId, message: GenesisMessage): void {
    // A lost one is asked for again.
    this.#wire().send(peer, encodeControl(message, this.#limits))
  }
}
