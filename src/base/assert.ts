/** A broken invariant: a defect of the program or of the hardware, never an expected condition. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken'
}

/** Stays on in production: a group that broke an invariant stops; it must not go on to vote. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantBroken(message)
}

/** For the end of a switch over a union: the compiler proves it is never reached. */
export function unreachable(value: never): never {
  throw new InvariantBroken(`unreachable: ${String(value)}`)
}
