// Preloaded into a node and into whatever it starts: opening the file of a store kills the process, as LMDB does over some
// damage, as long as a file `deadly` lies beside it.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'

const { openSync } = fs
fs.openSync = (path, ...rest) => {
  const text = String(path)
  if (text.endsWith('data.mdb') && fs.existsSync(join(dirname(text), 'deadly'))) process.kill(process.pid, 'SIGSEGV')
  return openSync(path, ...rest)
}
syncBuiltinESMExports()
