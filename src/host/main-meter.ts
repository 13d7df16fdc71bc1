import type { Millis } from '../base/numbers.js'

/** What the node's own work took on the main thread, in milliseconds by the clock, and how many turns it was done in. */
export interface MainTimes {
  turns: number
  /** Outboxes read: results to the promises of their callers, timers, reports. */
  repliesMs: Millis
  /** Messages of workers put into the frames of peers: out of outboxes too. */
  routeMs: Millis
  /** What ran because results had come: the callers, and what they proposed next. */
  callersMs: Millis
  /** What had waited for room moved into rings, and rings made visible to their workers. */
  flushMs: Millis
  /** Frames handed to the links. */
  linkMs: Millis
  /** Frames of peers taken apart into rings. */
  receiveMs: Millis
}

/** Where the main thread's time goes, as far as the node is concerned: the clock is read per turn and frame, not per command. */
export class MainMeter {
  readonly times: MainTimes = {
    turns: 0,
    repliesMs: 0,
    routeMs: 0,
    callersMs: 0,
    flushMs: 0,
    linkMs: 0,
    receiveMs: 0,
  }
  readonly now: () => Millis
  /** Set while outboxes are read: some caller has its result. */
  hasResults = false
  /** When callers began to run; 0: they do not. */
  #callersSince: Millis = 0
  readonly #callersWent = () => this.callersWent()
  readonly #askForTick = () => process.nextTick(this.#callersWent)

  constructor(now: () => Millis) {
    this.now = now
  }

  /**
   * At the end of a turn: callers that have results are next. A tick comes when no promise is left whose turn it is: so
   * one that is asked for behind the first caller comes when the last caller is through.
   */
  turnEnded(): void {
    if (!this.hasResults) return
    this.hasResults = false
    this.#callersSince = this.now()
    queueMicrotask(this.#askForTick)
  }

  callersWent(): void {
    if (this.#callersSince === 0) return
    this.times.callersMs += this.now() - this.#callersSince
    this.#callersSince = 0
  }
}
