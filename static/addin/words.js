/** Sentences of ours that no field of the administrator names. */

export const NOTHING_IS_ON = "No kind of VMR is switched on. Ask your administrator to switch on single-use or personal VMRs.";
export const READ_ONLY = "You may read this calendar but not change it, so no VMR can be added here. Ask its owner for the right to edit.";
export const LOCATION_FULL = "The location is too long to hold the address of the VMR as well. It was left as it is.";
export const MAILBOX_STAYS = "The equipment mailbox of the earlier VMR is still invited. Remove it from the attendees yourself.";
export const TEXT_STAYS = "Only the tag line of the earlier joining instructions was taken out. Delete the rest of their text yourself.";
export const OF_SERIES = "This VMR belongs to the whole series. To replace or remove it, open the series.";
export const REMNANT = "The joining instructions were changed so much that only their tag line is recognised. "
  + "Remove takes out that line and the equipment mailbox. The rest of the text stays.";
export const WAITING = "It has no joining instructions yet. Try again to add them now.";
export const SENT = "This meeting may have been sent already. With another VMR everybody gets new joining instructions "
  + "when you send the update.";
export const WHICH = "Which VMR should this meeting have instead?";
export const REMOVED = "The VMR was removed from this meeting.";
export const NOT_REMOVED = "There was a problem removing the joining instructions. Please try again.";
export const EDITED = "The joining instructions in this meeting were edited.";
export const DISCARDS_REPLACING = "Replacing them discards those changes.";
export const DISCARDS_REMOVING = "Removing them discards those changes.";
