"""The state of the form itself, and what becomes of its definition (kobo-api.md §6, §8)."""

from __future__ import annotations

from simulator import survey
from simulator.history import History
from simulator.versions import Content, FormVersions


class Form:
    """One form; hold the store's lock around a change.

    :param asset: its uid.
    :param history: of its project.
    :param versions: what it asks, and asked.
    """

    def __init__(self, asset: str, history: History, versions: FormVersions) -> None:
        self.versions = versions
        self.active = True
        self.trashed = False
        self.history_refusal = 403
        self._asset, self._history = asset, history
        self._set_repeats()

    @property
    def version_in_use(self) -> str:
        """The uid that new submissions carry."""
        return (self.versions.deployed or self.versions.newest).uid

    def save_draft(self, content: Content | None = None) -> str:
        """Save a definition without deploying it.

        :param content: the definition, as JSON; None: the newest one with one more question.
        :returns: the uid of its version.
        """
        before, uid = self.versions.newest.content, self._new_uid()
        content = content or survey.next_content(before, repeats=survey.repeats_of(before))
        self.versions.save(uid, content)
        self._history.add("update-content", self._history.owner, latest_version_uid=uid)
        return uid

    def deploy(self) -> str:
        """Deploy the newest version; where it is deployed, only the date of the form moves.

        Submissions that are there keep their shape until the server parses them anew.

        :returns: the version's uid.
        """
        action = "redeploy" if self.versions.deployed else "deploy"
        uid = self.versions.deploy().uid
        self._set_repeats()
        self._history.add(
            action, self._history.owner, latest_version_uid=uid, latest_deployed_version_uid=uid
        )
        return uid

    def redeploy(self, *, repeat: str | None = None, group: str | None = None) -> str:
        """Save the definition with one more question, and deploy it.

        :param repeat: a group that is a repeat from now on.
        :param group: a repeat that is a plain group from now on.
        :returns: the uid of its version.
        :raises ValueError: the form has no such group.
        """
        became, ended = ({name} if name else set() for name in (repeat, group))
        survey.require_groups(became | ended)
        before = self.versions.newest.content
        repeats = (survey.repeats_of(before) | became) - ended
        self.save_draft(survey.next_content(before, repeats=repeats))
        return self.deploy()

    def set_media(self, media: bool) -> None:
        """Give all versions a question for a photo, or take it from them, as if it had always been so.

        :param media: give it.
        """
        self.versions.rewrite(lambda content: survey.with_photo(content, media=media))

    def set_deployed(self, deployed: bool) -> None:
        """Deploy the newest version without a trace, or make the form one that was never deployed.

        :param deployed: deploy it.
        """
        if not deployed:
            self.versions.withdraw()
        elif not self.versions.newest.deployed:
            self.versions.deploy()

    def _set_repeats(self) -> None:
        self.repeats = survey.repeats_of((self.versions.deployed or self.versions.newest).content)

    def _new_uid(self) -> str:
        return survey.uid("v", self._asset, len(self.versions) + 1)
