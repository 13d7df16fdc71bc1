import type { Instance, Millis, NodeId } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import type { Value } from './command-run.js'
import type { GroupState } from './group-state.js'
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
  /** Where the stream and the log were when the window was last looked at. */
  marked: { readonly at: Millis; readonly upTo: Instance; readonly chosenUpTo: Instance }
  readonly sent: Queue<{ readonly upTo: Instance; readonly bytes: number }>
}

/** How often the window of a stream is looked at: long enough that a busy log has grown. */
const ADAPT_MS = 100

/** Streams chosen records from the log to peers that are behind, one stream a peer, within a window of bytes. */
export class LearnSource {
  private readonly state: GroupState
  private readonly roles: Roles
  private readonly streams = new Map<NodeId, Stream>()

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  onLearn(peer: NodeId, { session, from }: Learn): void {
    const { now, chosenUpTo, tuning } = this.state
    const stream: Stream = {
      session,
      next: from,
      reading: false,
      starved: false,
      unacknowledged: 0,
      window: Math.min(tuning.learnStartBytes, tuning.learnWindowBytes),
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
    if (this.state.now - stream.marked.at >= ADAPT_MS) this.adaptWindow(stream, upTo)
    this.continue(peer, stream)
  }

  /** The values that were read from the log; none if the log does not hold them (any more). */
  onServed(peer: NodeId, session: number, from: Instance, values: readonly Value[]): void {
    const { state } = this
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

  onPersisted(): void {
    for (const [peer, stream] of this.streams) if (stream.starved) this.continue(peer, stream)
  }

  onLink(peer: NodeId, up: boolean): void {
    if (!up) this.streams.delete(peer)
  }

  /**
   * A small window leaves the disk and the cores to the load, so it only grows while the log
   * grows at more than half the speed of the stream, which would take too long or never end, or does not grow at all.
   */
  private adaptWindow(stream: Stream, upTo: Instance): void {
    const { now, chosenUpTo, tuning } = this.state
    const grown = chosenUpTo - stream.marked.chosenUpTo
    if (grown === 0 || upTo - stream.marked.upTo < 2 * grown) {
      stream.window = Math.min(stream.window * 2, tuning.learnWindowBytes)
    }
    stream.marked = { at: now, upTo, chosenUpTo }
  }

  private continue(peer: NodeId, stream: Stream): void {
    const { state } = this
    if (stream.reading || stream.unacknowledged >= stream.window) return
    stream.starved = stream.next > state.durableChosenUpTo && stream.next <= state.chosenUpTo
    if (stream.starved) return
    stream.reading = true
    if (stream.next > state.chosenUpTo) {
      this.onServed(peer, stream.session, stream.next, [])
      return
    }
    state.effects.reads.push({
      peer,
      session: stream.session,
      from: stream.next,
      upTo: state.durableChosenUpTo,
      maxBytes: Math.min(state.tuning.learnChunkBytes, stream.window),
    })
  }
}
