// Original file: proto/trustkeyd/v1/journal.proto

import type { JournalEntry as _trustkeyd_v1_JournalEntry, JournalEntry__Output as _trustkeyd_v1_JournalEntry__Output } from '../../trustkeyd/v1/JournalEntry.ts';

export interface ShowJournalResponse {
  'entries'?: (_trustkeyd_v1_JournalEntry)[];
}

export interface ShowJournalResponse__Output {
  'entries': (_trustkeyd_v1_JournalEntry__Output)[];
}
