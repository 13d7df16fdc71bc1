type NetErrorCode =
  | 'PORT_IN_USE'
  | 'PORT_FORBIDDEN'
  | 'ADDRESS_INVALID'
  | 'LISTEN_FAILED'
  | 'UWS_UNAVAILABLE'
  | 'IDENTITY_INVALID'
  | 'TRANSPORT_STOPPED'

/** An expected failure of the network part; the message says what to do. */
export class NetError extends Error {
  override readonly name = 'NetError'
  readonly code: NetErrorCode

  constructor(code: NetErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Turns what the operating system answered to `listen` into a sentence. */
export function listenError(host: string, port: number, errno: string | undefined): NetError {
  const where = `${host}:${port}`
  switch (errno) {
    case 'EADDRINUSE':
      return new NetError(
        'PORT_IN_USE',
        `Cannot listen on ${where}: the port is in use. Stop the process that holds it, or give this node another port.`,
      )
    case 'EACCES':
    case 'EPERM':
      return new NetError(
        'PORT_FORBIDDEN',
        `Cannot listen on ${where}: the operating system forbids it (${errno}). Ports below 1024 need a privilege; take a higher one.`,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAMILY':
    case 'EAI_NODATA':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
    case 'ERR_SOCKET_BAD_PORT':
      return new NetError(
        'ADDRESS_INVALID',
        `Cannot listen on ${where}: it is not an address of this host (${errno}). Give one of its addresses, or 0.0.0.0 for all.`,
      )
    default:
      return new NetError('LISTEN_FAILED', `Cannot listen on ${where}: ${errno ?? 'the system gave no reason'}.`)
  }
}
