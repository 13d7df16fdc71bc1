/** What the other end of a pair of rings is given. */
export interface RingThreadTask {
  readonly there: SharedArrayBuffer
  readonly back: SharedArrayBuffer
  readonly ownBell: SharedArrayBuffer
  readonly otherBell: SharedArrayBuffer
  readonly answers: boolean
  readonly parks: boolean
}

export const RING_RECORD = { data: 1, stop: 2 } as const
