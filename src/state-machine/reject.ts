/** Shared by all copies of this module in a process, and by all realms. */
const REJECT = Symbol.for('shardpaxos.reject')

/**
 * A deterministic refusal: `execute` throws it for a command that must not take effect. It has to depend on nothing but
 * the state, the command and its context, so that every replica refuses alike.
 *
 * @example if (command.amount > state.balance) throw new Reject('insufficient balance')
 */
export class Reject extends Error {
  override readonly name = 'Reject'
  readonly [REJECT] = true

  /** `reason` reaches the caller word by word; it is cut at 4096 characters. */
  constructor(reason: string) {
    super(reason)
  }
}

/** By its brand, not by `instanceof`: the machine's module may come with a copy of this one, or live in another realm. */
export function isReject(thrown: unknown): thrown is Reject {
  return typeof thrown === 'object' && thrown !== null && (thrown as { [REJECT]?: unknown })[REJECT] === true
}

const MAX_REASON_CHARACTERS = 4096

export function rejectReason(reject: Reject): string {
  return String(reject.message).slice(0, MAX_REASON_CHARACTERS)
}
