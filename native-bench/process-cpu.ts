import { readFileSync } from 'node:fs'

/** The kernel counts the time of other processes in ticks; Linux shows them as hundredths of a second everywhere. */
const TICK_MS = 10

/** Processor time that a process has used since it started, in ms; undefined where the system does not say. */
export function cpuMsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before it may hold spaces and brackets, so the fields are counted from its end: the third is the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return undefined
  }
}
