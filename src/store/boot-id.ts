import { readFileSync } from 'node:fs'

/** Of the machine's present life, another one after each boot; empty where the system does not tell. */
export function currentBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
