// A process of its own: takes the lock of a data directory, says `held` or the error's code, and stays.
import { writeSync } from 'node:fs'
import { DataDirLock } from '../../../src/store/data-dir-lock.js'

try {
  DataDirLock.take(process.argv[2] ?? '')
  writeSync(1, 'held\n')
} catch (error) {
  writeSync(1, `${(error as { code?: string }).code}\n`)
}
process.stdin.resume()
