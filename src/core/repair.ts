import type { Instance, NodeId } from '../base/numbers.js'
import type { Value } from './command-run.js'
import type { GroupState } from './group-state.js'
import type { Learned, Offer } from './messages.js'
import type { Roles } from './roles.js'

interface Request {
  readonly session: number
  readonly instance: Instance
  /** 0: no peer was linked when it was made. */
  readonly peer: NodeId
}

/** Learns a chosen record again that the disk no longer gives back: one instance at a time, from one peer after another. */
export class Repair {
  private readonly state: GroupState
  private readonly roles: Roles
  /** Lost records that are not restored yet. */
  private readonly lost = new Set<Instance>()
  /** Of these, the ones that every linked peer was asked for in vain. */
  private readonly hopeless = new Set<Instance>()
  private request: Request | undefined

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  onUnreadable(instance: Instance): void {
    if (instance < this.state.firstKept) return
    this.lost.add(instance)
    if (this.request === undefined) this.ask(instance, 0)
  }

  /** True if it was the answer to a request of this role. */
  onLearned(from: NodeId, { session, from: instance, values, chosenUpTo }: Learned): boolean {
    const { request } = this
    if (request?.session !== session || request.peer !== from) return false
    const [value] = values
    // A peer that cannot help is not asked in a circle at once: the timer asks the next one.
    if (value === undefined || instance !== request.instance) return true
    if (!this.isCredible(instance, value, chosenUpTo >= instance)) return true
    this.restore(instance, value)
    this.forget(instance)
    return true
  }

  /**
   * A peer has trimmed the record, and offers a checkpoint that covers it. True if that settles it: what was executed
   * here is needed only by a restart, and an own checkpoint spares it that.
   */
  onOffer(from: NodeId, { session }: Offer): boolean {
    const { request, state } = this
    if (request?.session !== session || request.peer !== from) return false
    const { instance } = request
    if (instance > state.executedUpTo) return false
    if ((state.checkpoint?.instance ?? 0) < instance) state.effects.transfers.push({ kind: 'make' })
    this.forget(instance)
    return true
  }

  /** Asked for, and not restored yet. */
  isLost(instance: Instance): boolean {
    return this.lost.has(instance)
  }

  isHopeless(instance: Instance): boolean {
    return this.hopeless.has(instance)
  }

  /** Nobody needs what is trimmed. */
  onTrimmed(firstKept: Instance): void {
    for (const instance of this.lost) {
      if (instance >= firstKept) continue
      this.lost.delete(instance)
      this.hopeless.delete(instance)
    }
    if (this.request !== undefined && this.request.instance < firstKept) this.askForNext()
  }

  /** The next peer, and when all were asked the next record: one that nobody has must not hold up the others. */
  onTimer(): void {
    const { request } = this
    if (request === undefined) return
    if (this.nextPeer(request.peer) > request.peer) {
      this.ask(request.instance, request.peer)
      return
    }
    this.lost.delete(request.instance)
    this.lost.add(request.instance)
    if (request.peer !== 0) this.hopeless.add(request.instance)
    const [next = request.instance] = this.lost
    this.ask(next, 0)
    this.roles.fetch.seek()
  }

  private forget(instance: Instance): void {
    this.lost.delete(instance)
    this.hopeless.delete(instance)
    if (this.request?.instance === instance) this.askForNext()
  }

  private askForNext(): void {
    this.request = undefined
    const [next] = this.lost
    if (next !== undefined) this.ask(next, 0)
  }

  /** The linked peer after `last`, in a circle; 0 if there is none. */
  private nextPeer(last: NodeId): NodeId {
    const peers = this.state.linkedPeers().sort((a, b) => a - b)
    return peers.find((id) => id > last) ?? peers[0] ?? 0
  }

  private ask(instance: Instance, last: NodeId): void {
    const { state } = this
    const peer = this.nextPeer(last)
    const session = state.nextQuestion('learn')
    this.request = { session, instance, peer }
    if (peer !== 0) state.send(peer, { kind: 'learn', session, from: instance, want: 'once' })
    state.armTimer('repair', state.tuning.learnMs)
  }

  /**
   * The own checksum chain, where it reaches back that far, speaks for the value or against it. Where it does not, a peer
   * that knows the instance chosen is believed; what one has only accepted may be a value that lost.
   */
  private isCredible(instance: Instance, value: Value, isChosenThere: boolean): boolean {
    const { chains, config } = this.state
    const before = chains.at(instance - 1)
    const after = chains.at(instance)
    if (before === undefined || after === undefined) return isChosenThere
    return config.values.checksum(value, before) === after
  }

  private restore(instance: Instance, value: Value): void {
    const { state } = this
    const entry = { instance, ballot: 0, recoveredTo: 0, version: state.membership.version, value }
    if (instance > state.executedUpTo && state.log.get(instance) === undefined) {
      state.log.put(entry)
      state.log.noteChosen(instance)
    }
    state.persist(entry)
  }
}
