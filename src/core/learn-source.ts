import type { Instance, Millis, NodeId } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import type { GroupState } from './group-state.js'
import type { Served } from './input.js'
import type { Learn, LearnAck } from './messages.js'
import type { Roles } from './roles.js'

interface Stream {
  readonly session: number
  /** The next instance to read. */
  next: Instance
  /** A read of the log is under way. */
  reading: boolean
  /** Everything durable is sent, but more is chosen: goes on after the next commit. */
  starved: boolean
  unacknowledged: number
  /** Bytes that may be unacknowledged. */
  window: number
  /** One chunk at a time, and a rest after each: as long as it stays well ahead of the log. */
  paced: boolean
  /** When the chunk under way was begun, and when the next one may be. */
  begunAt: Millis
  restsUntil: Millis
  /** Where the stream and the log were when its speed was last looked at. */
  marked: { readonly at: Millis; readonly upTo: Instance; readonly chosenUpTo: Instance }
  readonly sent: Queue<{ readonly upTo: Instance; readonly bytes: number }>
}

/** How often the speed of a stream is looked at: long enough that a log in use has grown. */
const ADAPT_MS = 500

/** Streams chosen records from the log to peers that are behind, one stream a peer, within a window of bytes. */
export class LearnSource {
  private readonly state: GroupState
  private readonly roles: Roles
  private readonly streams = new Map<NodeId, Stream>()

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  onLearn(peer: NodeId, { session, from, want }: Learn): void {
    const { now, chosenUpTo, firstKept, tuning } = this.state
    if (from < 1) return
    if (want === 'checkpoint' || (want === 'once' && from < firstKept)) {
      this.roles.checkpoints.offer(peer, session, want === 'once' ? from : from - 1)
      return
    }
    if (want === 'once') {
      this.serveOnce(peer, session, from)
      return
    }
    const wantsCheaper = want === 'stream' && this.isCheaper(from)
    if ((from < firstKept || wantsCheaper) && this.roles.checkpoints.offer(peer, session, from)) {
      this.streams.delete(peer)
      this.roles.proposer.onLearning(peer)
      return
    }
    if (from < firstKept) {
      // The checkpoint that is being made will help, or another peer.
      this.state.send(peer, { kind: 'learned', session, from, values: [], chosenUpTo, done: true })
      return
    }
    const stream: Stream = {
      session,
      next: from,
      reading: false,
      starved: false,
      unacknowledged: 0,
      window: Math.min(tuning.learnStartBytes, tuning.learnWindowBytes),
      paced: tuning.learnRest > 0,
      begunAt: now,
      restsUntil: now,
      marked: { at: now, upTo: from - 1, chosenUpTo },
      sent: new Queue(),
    }
    this.streams.set(peer, stream)
    this.roles.proposer.onLearning(peer)
    this.continue(peer, stream)
  }

  onLearnAck(peer: NodeId, { session, upTo }: LearnAck): void {
    const stream = this.streams.get(peer)
    if (stream?.session !== session) return
    for (let first = stream.sent.peek(); first && first.upTo <= upTo; first = stream.sent.peek()) {
      stream.unacknowledged -= first.bytes
      stream.sent.shift()
    }
    if (this.state.now - stream.marked.at >= ADAPT_MS) this.adaptSpeed(stream, upTo)
    if (stream.paced && stream.unacknowledged === 0) this.rest(stream)
    this.continue(peer, stream)
  }

  /** The values that were read from the log; none if the log does not hold them (any more). */
  onServed({ peer, session, from, once, values }: Served): void {
    const { state } = this
    if (once) {
      state.send(peer, { kind: 'learned', session, from, values, chosenUpTo: state.chosenUpTo, done: true })
      return
    }
    const stream = this.streams.get(peer)
    if (stream?.session !== session || stream.next !== from) return
    stream.reading = false
    let bytes = 0
    for (const value of values) bytes += value.length
    stream.next += values.length
    const done = values.length === 0 || stream.next > state.chosenUpTo
    state.send(peer, { kind: 'learned', session, from, values, chosenUpTo: state.chosenUpTo, done })
    if (done) {
      this.streams.delete(peer)
      if (stream.next > state.chosenUpTo) this.roles.proposer.onCaughtUp(peer)
      return
    }
    stream.unacknowledged += bytes
    stream.sent.push({ upTo: stream.next - 1, bytes })
    this.continue(peer, stream)
  }

  /** The first instance that a stream still has to read; infinite: there is none. */
  get neededFrom(): Instance {
    let needed = Number.POSITIVE_INFINITY
    for (const { next } of this.streams.values()) needed = Math.min(needed, next)
    return needed
  }

  onPersisted(): void {
    for (const [peer, stream] of this.streams) if (stream.starved) this.continue(peer, stream)
  }

  onLink(peer: NodeId, up: boolean): void {
    if (!up) this.streams.delete(peer)
  }

  onRested(): void {
    for (const [peer, stream] of this.streams) this.continue(peer, stream)
  }

  /** The checkpoint and the log behind it are much less to send than the log from `from` on. */
  private isCheaper(from: Instance): boolean {
    const { checkpoint, checkpointPaysFrom } = this.state
    return checkpoint !== undefined && checkpoint.instance + 1 - from > checkpointPaysFrom
  }

  /**
   * A learner that takes all it can get takes the disk and the cores from the load. So a stream rests, and
   * hurries only where the log grows at more than half its speed, or nothing grows that could suffer.
   */
  private adaptSpeed(stream: Stream, upTo: Instance): void {
    const { now, chosenUpTo, tuning } = this.state
    const grown = chosenUpTo - stream.marked.chosenUpTo
    if (grown === 0 || upTo - stream.marked.upTo < 2 * grown) {
      if (stream.paced) stream.paced = false
      else stream.window = Math.min(stream.window * 2, tuning.learnWindowBytes)
    }
    stream.marked = { at: now, upTo, chosenUpTo }
  }

  /** In proportion to what the chunk took: the share of the machine is the same whatever the machine is busy with. */
  private rest(stream: Stream): void {
    const { now, tuning } = this.state
    // Well within the learner's patience: it would ask anew.
    const restMs = Math.min((now - stream.begunAt) * tuning.learnRest, tuning.learnMs / 4)
    stream.restsUntil = now + restMs
  }

  private serveOnce(peer: NodeId, session: number, from: Instance): void {
    const { effects, durableChosenUpTo, chosenUpTo, log } = this.state
    if (from > durableChosenUpTo) {
      // The peer knows it chosen, and this node may not. But if no other node does, an accepted record is all there is:
      // nobody can lead before the peer has told it, and the peer, which lost it, can tell by its checksum chain.
      const held = log.get(from)
      if (held) this.state.send(peer, { kind: 'learned', session, from, values: [held.value], chosenUpTo, done: true })
      return
    }
    effects.reads.push({ peer, session, from, upTo: from, maxBytes: 1, once: true })
  }

  private continue(peer: NodeId, stream: Stream): void {
    const { state } = this
    if (stream.reading || stream.unacknowledged >= (stream.paced ? 1 : stream.window)) return
    if (stream.paced && state.now < stream.restsUntil) {
      state.armTimer('learn-rest', stream.restsUntil - state.now)
      return
    }
    if (stream.next < state.firstKept) {
      // Trimmed although it was needed: the bound on what is kept for slow learners was reached.
      this.streams.delete(peer)
      this.roles.checkpoints.offer(peer, stream.session, stream.next)
      return
    }
    stream.starved = stream.next > state.durableChosenUpTo && stream.next <= state.chosenUpTo
    if (stream.starved) return
    stream.reading = true
    stream.begunAt = state.now
    if (stream.next > state.chosenUpTo) {
      const { session, next: from } = stream
      this.onServed({ kind: 'served', peer, session, from, once: false, values: [] })
      return
    }
    state.effects.reads.push({
      peer,
      session: stream.session,
      from: stream.next,
      upTo: state.durableChosenUpTo,
      maxBytes: Math.min(state.tuning.learnChunkBytes, stream.window),
      once: false,
    })
  }
}
