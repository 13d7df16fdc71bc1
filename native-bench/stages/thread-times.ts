import { readdirSync, readFileSync } from 'node:fs'

export interface ThreadTime {
  readonly cpuMs: number
  /** Ready to run, and waiting for a core. */
  readonly waitedMs: number
}

/** Of the threads of this process by their number in the system; none where the system does not say (not Linux). */
export function threadTimes(): Record<number, ThreadTime> {
  const times: Record<number, ThreadTime> = {}
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      const time = parseSchedstat(readSchedstat(thread))
      if (time !== undefined) times[Number(thread)] = time
    }
  } catch {
    // Without /proc there is nothing to be said.
  }
  return times
}

function readSchedstat(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8')
  } catch {
    // It has ended since it was listed.
    return ''
  }
}

/** `cpu-nanoseconds waiting-nanoseconds slices`. */
export function parseSchedstat(text: string): ThreadTime | undefined {
  const match = /^(\d+) (\d+) \d+\s*$/.exec(text)
  return match === null ? undefined : { cpuMs: Number(match[1]) / 1e6, waitedMs: Number(match[2]) / 1e6 }
}
