export const FAULTS = [
  'kills',
  'kills during a start',
  'kills of all',
  'pauses',
  'partitions',
  'slow links',
  'cut connections',
  'full disk',
  'flush EIO',
  'flush ENOSPC',
  'meta page EIO',
  'journal EIO',
  'slow flush',
  'stalled flush',
  'bent clocks',
] as const
export type Fault = (typeof FAULTS)[number]
const DISK_FAULTS: readonly Fault[] = FAULTS.slice(FAULTS.indexOf('full disk'), FAULTS.indexOf('bent clocks'))

/** How often each fault has happened, and what was found wrong. */
export class Tally {
  readonly faults = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]))
  readonly problems: string[] = []
  /** Alarms of the nodes by code. */
  readonly alarms = new Map<string, number>()

  count(fault: Fault, times = 1): void {
    this.faults.set(fault, this.of(fault) + times)
  }

  of(fault: Fault): number {
    return this.faults.get(fault) ?? 0
  }

  /** Single processes killed, however it came to that. */
  get kills(): number {
    return this.of('kills')
  }

  get diskFaults(): number {
    return DISK_FAULTS.reduce((sum, fault) => sum + this.of(fault), 0)
  }
}
