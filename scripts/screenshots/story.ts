/** Who is in the pictures; the first one's page is shown. */
export const PEOPLE = {
  nora: 'Nora Lindqvist',
  tomas: 'Tomás Rivera',
  jisu: '김지수',
  amara: 'Amara Okafor',
  piet: 'Piet de Vries',
} as const
export type Name = keyof typeof PEOPLE

interface Line {
  readonly by: Name
  /** Before now. */
  readonly minutesAgo: number
  readonly body: string
}

export interface Story {
  readonly room: string
  readonly visibility: 'public' | 'private'
  readonly members: readonly Name[]
  readonly lines: readonly Line[]
  /** How many of the lines, from the end, are new to who is shown; none where it is left out. */
  readonly unread?: number
}

const DAY = 24 * 60
const line = (by: Name, minutesAgo: number, body: string): Line => ({ by, minutesAgo, body })

export const STORIES: readonly Story[] = [
  {
    room: 'Harbour festival',
    visibility: 'public',
    members: ['tomas', 'jisu', 'amara', 'piet'],
    lines: [
      line('tomas', DAY + 95, 'The stage arrives at seven tomorrow. Who can open the gate on the east pier?'),
      line('amara', DAY + 92, 'I can, I have the key from last year.'),
      line('amara', DAY + 91, 'And I’ll bring coffee ☕'),
      line('nora', DAY + 88, 'Wonderful. The plan of the pier is here: https://harbour.example.org/plan'),
      line('jisu', DAY + 60, '포스터 시안을 올렸어요. 파란색이 더 나은 것 같아요.'),
      line('nora', DAY + 52, 'I like the blue one, too. It reads well from across the water.'),
      line('piet', 128, 'Good morning! The tide is at 14:10, so the boats can only come in after lunch.'),
      line(
        'piet',
        127,
        'That moves the rowing race behind the concert. I have put both times on the board; please tell me if one of your groups cannot make it, there is room for one more change today and none tomorrow.',
      ),
      line('tomas', 97, 'Fine for the band. They need an hour to set up.'),
      line('amara', 41, '🎉'),
      line('nora', 40, 'Then it is settled. I’ll write to the rowing club.'),
      line('nora', 39, 'Does anybody have the number of the lock keeper?'),
      line('tomas', 12, 'It’s on the wall in the boathouse. I pass there at noon and send it to you.'),
      line('jisu', 8, 'The posters are printed. 120 of them, I can hand them out from four o’clock on.'),
    ],
  },
  {
    room: 'Night shift',
    visibility: 'private',
    members: ['amara', 'piet'],
    lines: [
      line('amara', 300, 'Who has Thursday?'),
      line('piet', 240, 'Me. Swap for Sunday?'),
      line('amara', 6, 'Deal. I have changed it in the plan.'),
      line('piet', 5, 'Thank you!'),
    ],
    unread: 2,
  },
  {
    room: 'Book club',
    visibility: 'public',
    members: ['jisu', 'tomas'],
    lines: [
      line('jisu', 3 * DAY, 'Next time: chapters 4 to 9.'),
      line('nora', 3 * DAY - 20, 'I am already through, and will say nothing.'),
    ],
  },
  {
    room: 'Allotment 12',
    visibility: 'public',
    members: ['piet'],
    lines: [line('piet', 5 * DAY, 'The pump works again, mind the new tap.')],
  },
  {
    room: '서울에서 온 손님',
    visibility: 'public',
    members: ['jisu'],
    lines: [line('jisu', 2 * DAY, '금요일 저녁에 도착해요. 마중 나갈 사람 있나요?')],
  },
]
