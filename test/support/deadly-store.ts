// Preloaded into a node and into whatever it starts: opening the file of a store kills the process, as LMDB does over some
// damage, as long as a file `deadly` lies beside it. `DEADLY_MODE`: only for this mode of opening, 'r+' by default.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'

const { openSync } = fs
fs.openSync = (path, ...rest) => {
  const text = String(path)
  const mode = rest[0] ?? 'r'
  if (
    mode === (process.env.DEADLY_MODE ?? 'r+') &&
    text.endsWith('data.mdb') &&
    fs.existsSync(join(dirname(text), 'deadly'))
  )
    process.kill(process.pid, 'SIGSEGV')
  return openSync(path, ...rest)
}
syncBuiltinESMExports()
