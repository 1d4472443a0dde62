"""The state of one simulated server: its forms and its users."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.form_file import FormSetup, survey_setup
from simulator.hooks import Deliveries
from simulator.options import Options
from simulator.project import Project
from simulator.store import Ids
from simulator.users import OWNER, OWNER_PERMISSIONS, User


class World:
    """One server; all forms belong to one account.

    :param options: what it is started with.
    :param setups: its forms; none: the survey.
    """

    def __init__(self, options: Options, setups: Iterable[FormSetup] = ()) -> None:
        self.options = options
        self._setups = tuple(setups) or (survey_setup(options),)
        self._deliveries = Deliveries()
        self.reset()

    @property
    def first(self) -> Project:
        """The form that is meant where none is named."""
        return next(iter(self.projects.values()))

    def reset(self, rows: int | None = None, seed: int | None = None) -> None:
        """Start anew: no hooks, no history, only the users of the options.

        :param rows: how many submissions of each form to generate; None: as many as at first.
        :param seed: what they depend on; None: as at first.
        """
        options, ids = self.options, Ids()
        self._deliveries.clear()
        ids.skip(given["_id"] for setup in self._setups for given in setup.submissions if "_id" in given)
        self.projects = {
            setup.uid: Project(
                options,
                setup,
                ids,
                self._deliveries,
                rows=setup.rows if rows is None else rows,
                seed=options.seed if seed is None else seed,
            )
            for setup in self._setups
        }
        self.users = {
            options.token: User(OWNER, OWNER_PERMISSIONS),
            options.other_token: User("other_user"),
            options.viewer_token: User("viewer", ("view_asset", "view_submissions")),
        }
