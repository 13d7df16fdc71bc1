import type { Instance, Millis, NodeId } from '../base/numbers.js'
import type { CheckpointRef } from './durable.js'
import type { GroupState } from './group-state.js'
import type { PartStored } from './input.js'
import type { Offer, Part } from './messages.js'
import type { Roles } from './roles.js'

interface Fetching {
  readonly peer: NodeId
  readonly session: number
  readonly instance: Instance
  readonly id: number
  /** Parts below it were asked for. */
  asked: number
  /** Parts below it have come, and were handed to the disk. */
  received: number
  /** Parts of the window that overtook one which is missing: that came late, or was lost. */
  readonly early: Map<number, Uint8Array>
  /** The missing part that was asked for again. */
  askedAgain: number
  /** Parts that are known to exist. */
  known: number
  heardAt: Millis
  /** Silences in a row. */
  silences: number
}

/** So many silences of `learnMs`, each twice as long, before a source is given up. */
const MAX_SILENCES = 3

/**
 * Takes a checkpoint of a peer, part by part, in order. The node goes on voting meanwhile. What has come stays on disk:
 * whoever offers the same checkpoint later is asked for the rest of it.
 */
export class CheckpointFetch {
  private readonly state: GroupState
  private readonly roles: Roles
  private fetching: Fetching | undefined
  private loading: Pick<CheckpointRef, 'instance' | 'id'> | undefined
  /** The throttle: nothing is asked for before. */
  private paidUntil: Millis = 0
  private sharers = 1
  /** Whom this node asked for a checkpoint last. */
  private lastAsked: NodeId = 0

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  /** A checkpoint comes or is being loaded: nothing else is to be learned. */
  get isBusy(): boolean {
    return this.fetching !== undefined || this.loading !== undefined
  }

  /** Asks for a checkpoint if nothing but one helps: the values that have to be executed next are gone. */
  seek(): void {
    const { state } = this
    if (this.isBusy || !this.needsCheckpoint()) return
    const peers = state.linkedPeers().sort((a, b) => a - b)
    const peer = peers.find((id) => id > this.lastAsked) ?? peers[0]
    state.armTimer('fetch', state.tuning.learnMs)
    if (peer === undefined) return
    this.lastAsked = peer
    const session = state.nextQuestion('learn')
    // It has to cover what is executed next, which the log may hold by its bounds and yet have lost.
    const from = Math.max(state.firstKept, state.executedUpTo + 2)
    state.send(peer, { kind: 'learn', session, from, want: 'checkpoint' })
  }

  onOffer(peer: NodeId, { instance, id, manifestBytes, dataBytes }: Offer): void {
    const { state } = this
    if (this.isBusy || !this.isUseful(instance)) return
    const session = state.nextQuestion('learn')
    this.fetching = {
      ...{ peer, session, instance, id, asked: 0, received: 0, known: 0 },
      ...{ early: new Map(), askedAgain: -1, heardAt: state.now, silences: 0 },
    }
    state.effects.transfers.push({ kind: 'begin', session, instance, id, manifestBytes, dataBytes })
    state.armTimer('fetch', state.tuning.learnMs)
  }

  /** A checkpoint of this very node helps: its state was lost, or it died between receiving and loading. */
  onLocal({ instance, id }: CheckpointRef): void {
    if (this.loading !== undefined || !this.isUseful(instance)) return
    this.load(instance, id)
  }

  onPart(from: NodeId, { session, part, bytes }: Part): void {
    const { state, fetching } = this
    if (fetching?.session !== session || fetching.peer !== from) return
    if (bytes.length === 0) {
      this.giveUp()
      return
    }
    const { early } = fetching
    if (part < fetching.received || part >= fetching.asked || early.has(part)) return
    fetching.heardAt = state.now
    fetching.silences = 0
    const costMs = (bytes.length * 1000 * this.sharers) / state.tuning.fetchBytesPerSecond
    this.paidUntil = Math.max(this.paidUntil, state.now) + costMs
    early.set(part, bytes)
    if (!early.has(fetching.received)) {
      this.askAgain(fetching)
      return
    }
    for (let next = early.get(fetching.received); next; next = early.get(fetching.received)) {
      early.delete(fetching.received)
      state.effects.transfers.push({ kind: 'store', session, part: fetching.received++, bytes: next })
    }
  }

  onStored({ session, next, known, state: what, sharers }: PartStored): void {
    const { fetching } = this
    this.sharers = sharers
    if (fetching?.session !== session) return
    if (what === 'refused') {
      this.giveUp()
      return
    }
    fetching.known = known
    // Where it goes on, when a part of it was here already.
    fetching.received = Math.max(fetching.received, next)
    fetching.asked = Math.max(fetching.asked, next)
    if (what === 'open') {
      this.request(fetching)
      return
    }
    const { instance, id } = fetching
    if (!this.isUseful(instance)) {
      this.giveUp()
      return
    }
    this.load(instance, id)
  }

  onLoadFailed(): void {
    const { loading } = this
    const { checkpoint } = this.state
    this.loading = undefined
    // The own disk may have got another one meanwhile.
    if (checkpoint !== undefined && checkpoint.id !== loading?.id) this.onLocal(checkpoint)
    if (!this.isBusy) this.giveUp()
  }

  onTimer(): void {
    const { state, fetching } = this
    if (fetching === undefined) {
      this.seek()
      return
    }
    if (state.now >= this.patientUntil(fetching)) {
      if (++fetching.silences > MAX_SILENCES) {
        this.giveUp()
        return
      }
      fetching.heardAt = state.now
      fetching.asked = fetching.received
    }
    this.request(fetching)
    state.armTimer('fetch', this.patientUntil(fetching) - state.now)
  }

  onLink(peer: NodeId, up: boolean): void {
    if (up) this.seek()
    else if (this.fetching?.peer === peer) this.giveUp()
  }

  /** Ahead of what is known here, or at least of what holds up the execution, and the log goes on behind it. */
  isUseful(instance: Instance): boolean {
    const { executedUpTo, chosenUpTo, firstKept } = this.state
    if (instance > chosenUpTo) return true
    const isHeldUp = executedUpTo + 1 < firstKept || this.roles.repair.isLost(executedUpTo + 1)
    return isHeldUp && instance > executedUpTo && instance + 1 >= firstKept
  }

  /** The log does not hold what has to be executed next, and no peer has it by itself. */
  private needsCheckpoint(): boolean {
    const { executedUpTo, firstKept } = this.state
    return executedUpTo + 1 < firstKept || this.roles.repair.isHopeless(executedUpTo + 1)
  }

  private request(fetching: Fetching): void {
    const { state } = this
    const { fetchWindow } = state.tuning
    if (state.now < this.paidUntil) {
      // Not when the timer fires that watches for silence: that would be the speed of every transfer.
      state.setTimer('fetch', this.paidUntil - state.now)
      return
    }
    const end = Math.min(fetching.known, fetching.received + fetchWindow)
    for (; fetching.asked < end; fetching.asked++) {
      if (!fetching.early.has(fetching.asked)) this.askFor(fetching, fetching.asked)
    }
  }

  /** Links keep their order: whatever another part has overtaken was lost on its way, and is missed at once. */
  private askAgain(fetching: Fetching): void {
    if (fetching.askedAgain === fetching.received) return
    fetching.askedAgain = fetching.received
    this.askFor(fetching, fetching.received)
  }

  private askFor({ peer, session, instance, id }: Fetching, part: number): void {
    this.state.send(peer, { kind: 'fetch', session, instance, id, part })
  }

  private patientUntil({ heardAt, silences }: Fetching): Millis {
    return Math.max(heardAt, this.paidUntil) + this.state.tuning.learnMs * 2 ** silences
  }

  private load(instance: Instance, id: number): void {
    this.fetching = undefined
    this.loading = { instance, id }
    this.state.effects.transfers.push({ kind: 'load', instance, id })
  }

  private giveUp(): void {
    this.fetching = undefined
    this.seek()
    this.roles.learner.goOn()
  }
}
