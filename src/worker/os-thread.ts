import { readlinkSync } from 'node:fs'

/** The number of the calling thread in the system, as `/proc/self/task` has it; 0 where there is no such place. */
export function osThread(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return 0
  }
}
