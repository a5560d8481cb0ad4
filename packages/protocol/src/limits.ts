/** What a client may do, with its default. Counted per edge; sent in `welcome.limits` and `GET /config`; as settings the same names in UPPER_SNAKE. */
export const DEFAULT_LIMITS = {
  /** UTF-16 units of a message's body. */
  maxBody: 4000,
  maxFrameBytes: 32_768,
  maxRoomsPerSocket: 500,
  maxSocketsPerUser: 20,
  maxRoomsPerJoin: 100,
  /** Missed messages that a resume delivers; above it the client pages REST. */
  maxResume: 1000,
  /** Sends of one socket that wait for their ack. */
  maxUnacked: 16,
  /** Sends of one user, with a burst of `messageBurst`. */
  messagesPerSecond: 20,
  messageBurst: 40,
  roomMessagesPerSecond: 50,
  /** Frames of any type of one socket. */
  framesPerSecond: 100,
} as const

export type Limits = Readonly<Record<keyof typeof DEFAULT_LIMITS, number>>

/** The longest body an event may carry, whatever `maxBody` says: the setting can only tighten it. */
export const BODY_MAX_UNITS = DEFAULT_LIMITS.maxBody

/** In larger rooms sockets hear no presence, typing, roomChanged and other members' readCursor. */
export const MAX_LIVELY_MEMBERS = 500

/** Of a new account; a login takes any text. */
export const USERNAME = /^[A-Za-z0-9_]{3,32}$/
/** Of UTF-8. */
export const PASSWORD_MIN_BYTES = 8
export const PASSWORD_MAX_BYTES = 1024
