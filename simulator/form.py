"""The state of the form itself, and what becomes of its definition (kobo-api.md §6, §8)."""

from __future__ import annotations

from simulator import survey
from simulator.attachments import Attachments
from simulator.contents import uid, with_one_more_question, with_sections
from simulator.form_file import FormSetup
from simulator.history import History
from simulator.questions import Section, read
from simulator.users import OWNER
from simulator.versions import Content, FormVersions, Version


class Form:
    """One form; hold the store's lock around a change.

    :param setup: what it is at first.
    :param history: of its project.
    :param attachments: how its files are listed; they are told which questions ask for one.
    """

    def __init__(self, setup: FormSetup, history: History, attachments: Attachments) -> None:
        self.active = True
        self.trashed = False
        self.owner = OWNER
        self.tag_string = ""
        self.history_refusal = 403
        self.first_file = survey.PHOTO
        self._asset, self._history, self._attachments = setup.uid, history, attachments
        self._paths: dict[str, str] = {}
        self.versions = FormVersions(
            (self._uid_of(number), content, True) for number, content in enumerate(setup.contents, 1)
        )
        for version in reversed(self.versions.listed()):
            self._learn(version.definition)

    @property
    def version_in_use(self) -> Version:
        """The version that new submissions are made with, and that decides the shape of all."""
        return self.versions.deployed or self.versions.newest

    def path_of(self, name: str) -> str:
        """Return the path of a question by its last part; any other key is returned as it is.

        :param name: such as ``cd_age``.
        """
        return self._paths.get(name, name)

    def save_draft(self, content: Content | None = None) -> str:
        """Save a definition without deploying it.

        :param content: the definition, as JSON; None: the newest one with one more question.
        :returns: the uid of its version.
        """
        content = content or with_one_more_question(self.versions.newest.content)
        self._learn(read(content))
        new = self._uid_of(len(self.versions) + 1)
        self.versions.save(new, content)
        self._history.add("update-content", self._history.owner, latest_version_uid=new)
        return new

    def deploy(self, content: Content | None = None) -> str:
        """Deploy the newest version; where it is deployed, only the date of the form moves.

        Submissions that are there keep their shape until the server parses them anew.

        :param content: a definition to save first; None: none.
        :returns: the version's uid.
        """
        if content is not None:
            self.save_draft(content)
        action = "redeploy" if self.versions.deployed else "deploy"
        new = self.versions.deploy().uid
        self._history.add(
            action, self._history.owner, latest_version_uid=new, latest_deployed_version_uid=new
        )
        return new

    def redeploy(self, *, repeat: str | None = None, group: str | None = None) -> str:
        """Save the definition with one more question, and deploy it.

        :param repeat: a group that is a repeat from now on, by its path or the last part of it.
        :param group: a repeat that is a plain group from now on.
        :returns: the uid of its version.
        :raises ValueError: the form has no such group.
        """
        kinds = {name: kind for name, kind in ((repeat, "repeat"), (group, "group")) if name}
        return self.deploy(with_one_more_question(with_sections(self.versions.newest.content, kinds)))

    def set_media(self, media: bool) -> None:
        """Give all versions a question for a photo, or take it from them, as if it had always been so.

        :param media: give it.
        """
        self.versions.rewrite(lambda content: survey.with_photo(content, media=media))
        self._learn(self.versions.newest.definition)

    def set_deployed(self, deployed: bool) -> None:
        """Deploy the newest version without a trace, or make the form one that was never deployed.

        :param deployed: deploy it.
        """
        if not deployed:
            self.versions.withdraw()
        elif not self.versions.newest.deployed:
            self.versions.deploy()

    def _learn(self, definition: Section) -> None:
        self._paths |= definition.paths
        self._attachments.paths.update(definition.files)
        self.first_file = next(iter(definition.files), self.first_file)

    def _uid_of(self, number: int) -> str:
        return uid("v", self._asset, number)
