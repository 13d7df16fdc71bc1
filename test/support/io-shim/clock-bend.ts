/** What the library of `io-shim.ts` makes of the clocks of a process, for the whole of its life. */
export interface ClockBend {
  /** How fast the monotonic clock runs; 1000 is as it should. */
  readonly permille: number
  /** How far the time of day is off. */
  readonly offsetSeconds: number
}

/** For the environment of a process, besides that of an `IoShim`. */
export function clockBendEnv({ permille, offsetSeconds }: ClockBend): Record<string, string> {
  return { IO_SHIM_CLOCK_PERMILLE: String(permille), IO_SHIM_CLOCK_OFFSET: String(offsetSeconds) }
}
